"""The curves of a run in plots/training.json: there while training goes on, always whole."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.figures.records import MOST_RECORDS, read_records
from lm_geometry.finetune import live_curves
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.live_curves import LiveCurves
from lm_geometry.outs.finetune.training_curves import MOST_ROWS, evenly
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from tests.conftest import TinyModel
from tests.finetune.test_run import prepare_training, settings_of
from tests.structure import ROOT


def records_of(steps: int) -> dict[str, list[Any]]:
    curve = [{"step": s, "curve": "training", "loss": 4 - s / steps} for s in range(1, steps + 1)]
    curve += [{"step": s, "curve": "validation", "loss": 3.5} for s in (0, steps)]
    scores = [
        {"step": step, "score": name, "value": 0.5}
        for step in (0, steps)
        for name in ("accuracy", "f1", "loss")
    ]
    return {"curve": curve, "scores": scores}


def written() -> list[dict[str, Any]]:
    return read_records("training", read_json(paths.PLOTS / live_curves.FILE))


def test_every_measure_has_its_curves_and_the_loss_counts_once(project: Path) -> None:
    LiveCurves("rivers", "Tiny · causal lm").write(records_of(4))
    rows = [(r["place"], r["measure"], r["curve"], r["split"], r["step"]) for r in written()]
    assert rows == [
        *((0, "loss", "training", "train", step) for step in (1, 2, 3, 4)),
        *((0, "loss", "validation", "validation", step) for step in (0, 4)),
        *((1, "accuracy", "validation", "validation", step) for step in (0, 4)),
        *((2, "f1", "validation", "validation", step) for step in (0, 4)),
    ]
    assert {r["corpus"] for r in written()} == {"rivers"}
    assert {r["settings"] for r in written()} == {"Tiny · causal lm"}


def test_a_long_run_keeps_evenly_chosen_steps(project: Path) -> None:
    LiveCurves("rivers", "").write(records_of(60_000))
    steps = [r["step"] for r in written() if r["curve"] == "training"]
    assert len(written()) < MOST_RECORDS
    assert len(steps) == MOST_ROWS
    assert (steps[0], steps[-1]) == (1, 60_000)
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 41
    assert evenly([1, 2, 3], 3) == [1, 2, 3]


def test_it_is_not_written_after_every_step(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(live_curves.time, "monotonic", lambda: now[0])
    curves, asked = LiveCurves("rivers", ""), []

    def so_far() -> dict[str, list[Any]]:
        asked.append(now[0])
        return records_of(2)

    for now[0] in (0.0, 0.5, 1.9, 2.0, 3.0, 4.5):
        curves(so_far)
    assert asked == [0.0, 2.0, 4.5]


def test_training_shows_how_far_it_is(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_curves, "SECONDS", 0.0)
    prepare_training()
    seen: list[int] = []
    write = LiveCurves.write

    def recorded(self: LiveCurves, records: Any) -> None:
        write(self, records)
        seen.append(max(row["step"] for row in written()))
        if seen[-1] == 5 and seen.count(5) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(LiveCurves, "write", recorded)
    source, settings = tiny_models["llama"].source, settings_of()
    with pytest.raises(KeyboardInterrupt):
        training_run.train(source, settings)
    assert list(dict.fromkeys(seen)) == [0, 1, 2, 3, 4, 5]
    run = training_run.train(source, settings)  # goes on from step 4
    curve = {(r["curve"], r["step"]): r["loss"] for r in run.curve}
    losses = [r for r in written() if r["measure"] == "loss"]
    assert {(r["curve"], r["step"]): r["value"] for r in losses} == curve
    measured = {"loss", "accuracy", "perplexity", "weight norm", "learning rate"}
    assert {r["measure"] for r in written()} == measured
    assert {r["settings"] for r in written()} == {"llama · causal lm · lora"}
    training_run.train(source, settings_of(task="none"))
    (alone,) = written()
    assert "finetune.task is none" in alone["message"]


def test_dvc_draws_a_run_that_goes_on(tmp_path: Path) -> None:
    """In another shell, while `dvc repro` waits for the stage that writes the file."""
    script = (
        "import pathlib, subprocess, sys\n"
        "pathlib.Path('plots').mkdir(exist_ok=True)\n"
        'row = \'{"step": %d, "value": 1.5}\'\n'
        "pathlib.Path('plots/training.json').write_text('[' + row % 1 + ',' + row % 7 + ']')\n"
        "show = [sys.executable, '-m', 'dvc', 'plots', 'show', '--json', 'plots/training.json']\n"
        "text = subprocess.run(show, capture_output=True, text=True, check=True).stdout\n"
        "pathlib.Path('seen.json').write_text(text)\n"
    )
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "dvc.yaml").write_text(
        f"stages: {{finetune: {{cmd: {sys.executable} train.py, outs: [plots/training.json]}}}}\n"
        "plots: [plots/training.json: {x: step, y: value}]\n"
    )
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    repro = [sys.executable, "-m", "dvc", "repro", "-q"]
    subprocess.run(repro, cwd=tmp_path, check=True)
    text = (tmp_path / "seen.json").read_text()
    assert '"step": "7"' in text or '"step": 7' in text


def test_the_file_is_an_out_of_finetune_and_a_plot() -> None:
    from lm_geometry.workspace.section import read_yaml

    pipeline = read_yaml(ROOT / "dvc.yaml")
    assert "plots/training.json" in pipeline["stages"]["finetune"]["outs"]
    assert any("plots/training.json" in plot for plot in pipeline["plots"])
