"""Later states of a model that others trained: compared before download, read, and deleted."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.data_prep.series import resolve_series
from lm_geometry.data_prep.step_names import step_of
from lm_geometry.embed import run as embedding_run
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.hub_weights import hub_weights, refuse_same_weights
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import read_embedded, read_states
from lm_geometry.workspace.files import read_json
from tests.conftest import TEXTS, TinyModel
from tests.finetune.test_run import prepare_training
from tests.models.hub_server import Revisions, commit_of, hub_server
from tests.tokenised_texts import prepare_corpora, settings_of

ID = "org/series"
NONE = Finetune.model_validate({"task": "none"})


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, TinyModel]) -> Revisions:
    """Four states of a tiny Llama: step0, 10, 200 and, in a name with other numbers, 3000."""
    made: Revisions = {}
    root = tmp_path_factory.mktemp("steps")
    for number, name in enumerate(("main", "step10", "step200", "step3000-tokens6B")):
        made[name] = shutil.copytree(tiny_models["llama"].folder, root / name)
        model = AutoModelForCausalLM.from_pretrained(made[name])
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1 + 0.1 * number)
        model.save_pretrained(made[name])
    return made


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Starts a hub with these revisions."""
    running: list[Any] = []

    def start(revisions: Revisions) -> list[str]:
        hub_weights.cache_clear()
        running.append(hub_server(ID, revisions, tmp_path / "hub", monkeypatch))
        return running[-1].__enter__()

    yield start
    for server in running:
        server.__exit__(None, None, None)
    hub_weights.cache_clear()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step1000", 1000),
        ("stage1-step2000-tokens9B", 2000),
        ("/runs/seed-3/checkpoint-500", 500),
        ("runs/checkpoint-500/model", 500),
        ("global_step64", 64),
        ("epoch_7", 7),
    ],
)
def test_a_step_is_read_from_a_name(name: str, step: int) -> None:
    assert step_of(name) == step


@pytest.mark.parametrize("name", ["main", "v1.0", "seed3-epoch2"])
def test_a_name_without_one_step_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="tells no step"):
        step_of(name)


def test_every_revision_is_known_before_anything_is_downloaded(
    steps: Revisions, serve: Callable[..., list[str]]
) -> None:
    asked = serve(steps)
    found = resolve_series(["step3000-tokens6B", "step10", "step200"], f"hub:{ID}")
    assert [one.step for one in found] == [10, 200, 3000]
    assert found[0].source == f"hub:{ID}@{commit_of('step10')}"  # not a branch, which may move
    assert len({one.content for one in found}) == 3
    assert resolve_series(["step*"], f"hub:{ID}") == found
    assert not [path for path in asked if "/resolve/" in path]


def test_wrong_checkpoints_behind_right_names_are_all_named(
    steps: Revisions, serve: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    serve(
        steps
        | {"step20": steps["step10"], "step143": steps["main"], "step30": tmp_path / "empty"}
        | {"step-10": steps["step200"], "step0": steps["step3000-tokens6B"]}
    )
    asked = ["step10", "step20", "step143", "step30", "step999", "main", "step-10", "step0"]
    with pytest.raises(ValueError, match=r"model\.checkpoints") as caught:
        resolve_series(asked, f"hub:{ID}")
    told = str(caught.value)
    assert "step10, step20 have the same weights" in told
    assert "base, step143, main have the same weights" in told
    assert "step30: hub:org/series@step30 has no weights" in told
    assert "step999: https://huggingface.co/org/series has no such revision" in told
    assert "'main' tells no step" in told
    assert "step-10 is of step 10: as does step10" in told
    assert "step0 is of step 0: give it as model.name" in told


def test_a_study_compares_the_revisions_of_its_experiments(
    steps: Revisions, serve: Callable[..., list[str]]
) -> None:
    serve(steps | {"step20": steps["step10"]})

    def study(*revisions: str) -> list[str]:
        return [f"hub:{ID}@{revision}" for revision in revisions]

    refuse_same_weights([*study("step10", "step200", "step10"), "gpt2", None])
    with pytest.raises(ValueError, match=r"@step10, hub:org/series@step20 have the same weights"):
        refuse_same_weights(study("step10", "step20"))
    with pytest.raises(ValueError, match=r"hub:org/series@step7: .* has no such revision"):
        refuse_same_weights(study("step10", "step7"))


def test_folders_of_anybodys_run_are_a_series(steps: Revisions, tmp_path: Path) -> None:
    for step, name in ((500, "step10"), (1000, "step200")):
        shutil.copytree(steps[name], tmp_path / f"checkpoint-{step}")
    base = f"file:{steps['main']}"
    found = resolve_series([f"file:{tmp_path}/checkpoint-*"], base)
    assert [one.step for one in found] == [500, 1000]
    shutil.copytree(steps["step200"], tmp_path / "checkpoint-1500")
    with pytest.raises(ValueError, match=r"checkpoint-1000, file:.*1500 have the same weights"):
        resolve_series([f"file:{tmp_path}/checkpoint-*"], base)
    with pytest.raises(ValueError, match=r"nothing-\* is not there"):
        resolve_series([f"file:{tmp_path}/nothing-*"], base)
    with pytest.raises(ValueError, match="'step10' is a revision of no hub model"):
        resolve_series(["step10"], base)


@pytest.mark.parametrize("delete", [False, True])
def test_a_series_is_embedded_and_deleted_on_request(
    project: Path,
    steps: Revisions,
    serve: Callable[..., list[str]],
    tmp_path: Path,
    delete: bool,
) -> None:
    serve(steps)
    model = Model.model_validate({"name": f"hub:{ID}"})
    later = resolve_series(["step10", "step200"], f"hub:{ID}")
    source = resolve(model, seed=0)
    assert source.content  # of the weights, as the hub tells
    series = [vars(step) for step in later]
    source = ModelSource(**source.record() | {"series": series})
    prepare_training()
    prepare_corpora({"open": TEXTS})
    training_run.train(source, NONE)
    asked = {"layers": ["last"], "delete_revisions": delete, "loss": False}
    embedding_run.embed(source, settings_of(**asked), seed=0)
    assert read_embedded().checkpoints == ["base", "10", "200"]
    split = CorpusSplit("open", "test")
    states = {name: read_states(name, split, 3) for name in ("base", "10", "200")}
    assert not np.allclose(states["10"], states["200"])
    assert not np.allclose(states["base"], states["10"])
    pointer = read_json(project / "data" / "checkpoints" / "10" / "source.json")
    assert pointer["source"] == f"hub:{ID}@{commit_of('step10')}"
    snapshots = tmp_path / "hub" / "models--org--series" / "snapshots"
    kept = {path.name for path in snapshots.iterdir()}
    assert (commit_of("step10") in kept) is not delete
    assert (commit_of("step200") in kept) is not delete
    assert commit_of("main") in kept
