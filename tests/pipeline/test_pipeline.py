"""The whole pipeline through DVC, in a clone, on a tiny model and tiny texts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import lm_geometry
from lm_geometry.workspace.manifest import described_by
from tests.conftest import TinyModel
from tests.structure import ROOT
from tests.unfinished_work import unpublished

pytestmark = pytest.mark.pipeline
SLOW = pytest.mark.slow

# What is tested here is not how much text there is, but which stage runs when.
TINY = {
    "model.name": "file:tiny-model",
    "data_prep.train": "file:first.jsonl",
    "data_prep.evaluate": "[file:first.jsonl,file:second.jsonl]",
    "data_prep.sequences": "24",
    "data_prep.train_sequences": "all",
    "data_prep.min_characters": "0",
    "data_prep.prompts.corpus": "file:long.jsonl",
    "data_prep.prompts.count": "3",
    "data_prep.prompts.tokens": "64",
    "data_prep.prompts.shuffles": "[0,3]",
    "finetune.lora.layers": "0%-100%",
    "finetune.steps": "4",
    "finetune.checkpoints": "[1,2,3,4]",
    "finetune.block_tokens": "16",
    "finetune.evaluation_sequences": "4",
    "embed.layers": "[0%-67%]",
    "embed.prompts.checkpoints": "[4]",
    "embed.prompts.gride_range": "32",
    "token_sample.prepared": "300",
    "token_sample.points": "150",
    "estimate.n_neighbors": "[16,32]",
    "estimate.lpca.tokens": "20",
    "estimate.gride_range": "64",
}
WORDS = ["senate", "met", "morning", "river", "sand", "clay", "to", "sea", "people", "the", "and"]
BESIDE = str(Path(sys.executable).parent)  # `python` of a stage is the one that runs the tests
ENVIRONMENT = {**os.environ, "PATH": f"{BESIDE}:{os.environ['PATH']}"}
STAGES = ["data-prep", "finetune", "embed", "token-sample", "estimate", "aggregate"]
# A parameter of each stage, and the first stage that depends on it.
CHANGES = {
    "data-prep": ("data_prep.min_characters", "1"),
    "finetune": ("finetune.weight_decay", "0.1"),
    "embed": ("embed.batch_tokens", "512"),
    "token-sample": ("token_sample.points", "140"),
    "estimate": ("estimate.discard", "0.2"),
    "aggregate": ("aggregate.confidence", "0.9"),
}


class Project:
    """A git clone of this working tree with DVC, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True) -> str:
        ran = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=ENVIRONMENT
        )
        assert not check or ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
        return ran.stdout + ran.stderr

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def set_params(self, values: dict[str, str]) -> None:
        from dvc.utils.hydra import apply_overrides

        apply_overrides(self.folder / "params.yaml", [f"{k}={v}" for k, v in values.items()])

    def ran(self, output: str) -> list[str]:
        return [stage for stage in STAGES if f"Running stage '{stage}'" in output]

    def bytes(self) -> dict[str, bytes]:
        """Contents of every result, by path; links are followed."""
        roots = ("data", "metrics", "plots")
        files = [f for root in roots for f in (self.folder / root).rglob("*") if f.is_file()]
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in sorted(files)}


def clone(folder: Path, tiny_model: Path) -> Project:
    """A committed copy of the working tree, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if name == "dvc.lock" or not (ROOT / name).is_file():
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    shutil.copytree(tiny_model, folder / "tiny-model")
    _write_texts(folder)
    project = Project(folder)
    project.set_params(TINY)
    project.run("git", "init", "--quiet")
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@localhost")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "tiny study")
    return project


def _write_texts(folder: Path) -> None:
    """Two corpora of twelve documents with four sequences each, and six long texts for prompts."""
    texts = [" ".join(WORDS[(i * i + 3 * i * n) % 11] for i in range(60 + n)) for n in range(6)]
    lines = [json.dumps({"text": text}) for text in texts]
    (folder / "long.jsonl").write_text("\n".join(lines) + "\n")
    for name, offset in (("first", 0), ("second", 7)):
        lines = []
        for document in range(12):
            for sequence in range(4):
                seed = document * 31 + sequence * 17 + offset
                text = " ".join(WORDS[(seed + i * i) % len(WORDS)] for i in range(24))
                lines.append(json.dumps({"text": text, "document": f"{name}-{document}"}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, TinyModel]) -> Project:
    """A clone in which the whole pipeline has run once."""
    made = clone(tmp_path_factory.mktemp("project"), tiny_models["llama"].folder)
    made.dvc("repro")
    return made


def test_every_result_is_there_and_a_second_run_does_nothing(project: Project) -> None:
    summary = json.loads((project.folder / "metrics" / "summary.json").read_text())
    assert set(summary["dimension"]) == {"first", "second"}
    assert set(summary["difference_of_differences"]) == {"mean", "lower", "upper"}
    assert summary["points"] == 150
    assert sorted(p.name for p in (project.folder / "data" / "checkpoints").iterdir()) == [
        *"1234",
        "base",
        "index.json",
    ]
    assert project.ran(project.dvc("repro")) == []


def test_prompts_run_through_every_stage(project: Project) -> None:
    data = project.folder / "data"
    prompts = pd.read_parquet(data / "prompts" / "prompts.parquet")["prompt"].tolist()
    assert len(prompts) == 3
    records = sorted((data / "prompt_neighbours").rglob("*.npz"))
    assert len(records) == 2 * 3 * 2  # base and step 4, prompts, shuffles
    clouds = pd.read_parquet(data / "clouds" / "prompts.parquet")
    assert len(clouds) == len(records) * 4  # layers
    means = pd.read_parquet(data / "tables" / "prompt_means.parquet")
    assert set(means["shuffle"]) == {0, 3}
    assert set(means["checkpoint"]) == {"base", "4"}
    for name in ("prompt_dimension", "prompt_scales", "prompt_similarity"):
        rows = json.loads((project.folder / "plots" / f"{name}.json").read_text())
        assert {row["step"] for row in rows} == {0, 4}
        assert (project.folder / "plots" / "svg" / f"{name}.svg").stat().st_size > 10_000


def test_a_page_of_the_run_stands_by_itself(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", str(project.folder / "src"))
    report = (sys.executable, "-m", "lm_geometry.commands.cli", "report")
    project.run(*report, "workspace")
    written = project.folder / "workspace.html"
    page = written.read_text()
    written.unlink()
    summary = json.loads((project.folder / "metrics" / "summary.json").read_text())
    mean = summary["difference_of_differences"]["mean"]
    assert f"{abs(mean):.2f}" in page.partition("</pre>")[0]  # the headline comes first
    pictures = sorted((project.folder / "plots" / "svg").glob("*.svg"))
    assert page.count("data:image/svg+xml") == len(pictures) > 5
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    asked = project.run(*report, "worspace", check=False)
    assert "workspace" in asked
    assert "Traceback" not in asked


@pytest.mark.parametrize("stage", STAGES)
def test_a_parameter_changes_the_stages_that_depend_on_it(project: Project, stage: str) -> None:
    name, value = CHANGES[stage]
    before = (project.folder / "params.yaml").read_text()
    project.set_params({name: value})
    try:
        changed = set(json.loads(project.run(sys.executable, "-m", "dvc", "status", "--json")))
    finally:
        (project.folder / "params.yaml").write_text(before)
    # No stage reads another's section: what a later one needs, the earlier wrote into its index.
    assert changed == {stage}


@SLOW
def test_a_changed_parameter_runs_that_stage_and_what_follows(project: Project) -> None:
    project.set_params({"token_sample.points": "140"})
    assert project.ran(project.dvc("repro")) == ["token-sample", "estimate", "aggregate"]
    project.set_params({"token_sample.points": TINY["token_sample.points"]})
    # DVC's run cache has the first results, but none of a stage whose pictures are in git.
    assert project.ran(project.dvc("repro")) == ["aggregate"]
    summary = json.loads((project.folder / "metrics" / "summary.json").read_text())
    assert summary["points"] == 150


def test_deleted_data_are_brought_back(project: Project) -> None:
    before = project.bytes()
    shutil.rmtree(project.folder / "data" / "hidden_states")
    shutil.rmtree(project.folder / "plots" / "png")
    project.dvc("checkout")
    assert project.bytes() == before


@SLOW
def test_the_same_params_give_the_same_bytes(project: Project) -> None:
    before = project.bytes()
    project.dvc("repro", "--force", "--no-run-cache")
    assert project.bytes() == before


# The record of a finished cell, at whose sight the stage is killed.
KILLS = {
    "finetune": ".scratch/finetune/*/trainer/checkpoint-2/complete",
    "embed": ".scratch/embed/*/.first-validation.manifest.json",
    "embed prompts": ".scratch/embed/*/base/.prompt-*.manifest.json",
    "estimate": ".scratch/estimate/*/base/*/*/.*.manifest.json",
}


@SLOW  # of finetune alone, and of cells alone, rooms of their own have tests
@pytest.mark.parametrize("killed", [*KILLS])
def test_a_killed_stage_resumes_and_ends_with_the_same_bytes(project: Project, killed: str) -> None:
    before = project.bytes()
    pattern, stage = KILLS[killed], killed.split()[0]
    # Published cells of an earlier run wait there for the next start of a stage.
    shutil.rmtree(project.folder / ".scratch" / stage, ignore_errors=True)
    again = ["repro", "--force", "--no-run-cache", "--single-item", stage]
    command = [sys.executable, "-m", "dvc", *again]
    running = subprocess.Popen(command, cwd=project.folder, start_new_session=True, env=ENVIRONMENT)
    wait_for(lambda: any(project.folder.glob(pattern)) or running.poll() is not None)
    finished = list(project.folder.glob(pattern))
    kill_group(running)
    assert finished, "the stage ended before it could be killed"
    cells = [file for record in finished for file in files_below(described_by(record))]
    times = {path: path.stat().st_mtime_ns for path in cells}
    assert list((project.folder / "data").rglob("*.tmp")) == []

    output = project.dvc(*again)
    assert project.ran(output) == [stage]
    assert project.bytes() == before
    if stage != "finetune":  # its trainer's state is no result
        # In scratch: DVC may put what its cache had before in the place of the same bytes.
        assert {path: path.stat().st_mtime_ns for path in times} == times
    assert not unpublished(project.folder / ".scratch" / stage)


def files_below(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.002)


def kill_group(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@SLOW
def test_a_queued_experiment_runs_with_the_code_and_params_of_its_own(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "results")
    queue = ["exp", "run", "--queue", "--name", "at-2", "-S", "embed.checkpoints=[2]"]
    project.dvc(*queue, "-S", "embed.prompts.checkpoints=[2]")
    # An installed package is that of the workspace, whose code is edited after queueing.
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", str(project.folder / "src"))
    edited = [project.folder / "src" / "lm_geometry" / name for name in ("clouds.py", "paths.py")]
    for file in edited:
        file.write_text("raise RuntimeError('the code of the workspace')\n" + file.read_text())
    project.dvc("exp", "run", "--run-all", "--jobs", "1")
    log = project.dvc("queue", "logs", "at-2")
    project.run("git", "checkout", "--quiet", "src")
    assert project.ran(log) == STAGES[2:]  # finetune is not run again
    means = lm_geometry.results("at-2", root=project.folder)["means"]
    assert set(means["checkpoint"]) == {"base", "2"}
    changed = json.loads(project.dvc("params", "diff", "HEAD", "at-2", "--json"))
    assert set(changed["params.yaml"]) == {"embed.checkpoints", "embed.prompts.checkpoints"}


@SLOW
def test_the_name_of_a_model_is_the_only_override_that_it_needs(
    project: Project, tiny_models: dict[str, TinyModel]
) -> None:
    for name in ("gpt2", "bert"):  # of two blocks, not three
        shutil.copytree(tiny_models[name].folder, project.folder / name)
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "models")
    fewer = ("-S", "data_prep.prompts.count=2")  # texts are long enough under both tokenizers
    project.dvc("exp", "run", "--queue", "-S", "model.name=file:bert,file:gpt2", *fewer)
    project.dvc("exp", "run", "--run-all", "--jobs", "1")
    learned = {}
    for name in project.dvc("exp", "list", "--name-only").split():
        found = lm_geometry.results(name, root=project.folder)
        assert set(found["means"]["layer"]) == {0, 1}
        learned[found["means"]["model"].iloc[0]] = set(found["means"]["checkpoint"])
    assert {"bert", "gpt2"} <= set(learned)
    assert learned["bert"] == {"base", *"1234"}


def test_bad_params_stop_before_anything_is_touched(project: Project) -> None:
    before = project.bytes()
    params = project.folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("gride_range: 64", "gride_rang: 64"))
    try:
        output = project.dvc("repro", check=False)
    finally:
        params.write_text(text)
    assert "estimate.gride_rang: unknown parameter; did you mean 'gride_range'?" in output
    # DVC takes a stage's outs away before it starts it, and gives them back from its cache.
    assert project.ran(project.dvc("repro")) == []
    assert project.bytes() == before
