"""A whole study as jobs: by submitit on this machine, and on a real Slurm of one node."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_geometry.workspace.files import write_json
from tests.conftest import TinyModel
from tests.one_node_slurm import missing, one_node_slurm
from tests.study_project import StudyProject, new_project, short, states, wait_for

pytest.importorskip("submitit", reason="requirements/slurm.txt is not installed")
pytestmark = pytest.mark.pipeline

DONE = {"s-a": "done", "s-b": "done", "s-c": "done"}
ON_SLURM = {"partition": "debug", "time": "2:00", "memory": "1GB", "parallel": 2}


def clones(project: StudyProject) -> list[Path]:
    place = project.folder / ".scratch" / "clones"
    return list(place.iterdir()) if place.exists() else []


@pytest.mark.slow
def test_jobs_run_in_clones_and_what_failed_is_resumed(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    (project.folder / "stages" / "new.py").touch()
    assert "  stages/new.py: not in git" in project.study("--slurm", fails=True)
    (project.folder / "stages" / "new.py").unlink()
    (project.beside / "fail-4").touch()
    printed = project.study("--slurm", fails=True)
    assert states(printed) == {"s-a": "done", "s-b": "done", "s-c": "failed"}
    (log,) = project.logs.glob("s-c-??????.log")
    told = f"{log.stem}: FAILED"
    assert any(told in line and f"see {log}" in line for line in printed.splitlines())
    assert "seed 4 brings no luck" in log.read_text()
    assert "lm-geometry study s --slurm --resume" in printed
    ran = project.stages_run()
    assert sorted(ran) == ["aggregate 0", "aggregate 0", "embed 0", "embed 4"]  # b took a's embed
    assert project.experiments() == ["s-a", "s-b"]
    assert clones(project) == []
    assert not (project.folder / "studies" / "results" / "s" / "README.md").exists()
    (project.beside / "fail-4").unlink()
    printed = project.study("--slurm", "--resume")
    assert states(printed) == {"s-a": "existed", "s-b": "existed", "s-c": "done"}
    assert project.stages_run() == ["embed 4", "aggregate 4"]
    results = project.folder / "studies" / "results" / "s"
    recorded = json.loads((results / "runs.json").read_text())
    assert set(map(short, recorded)) == {"s-a", "s-b", "s-c"}
    assert all(name in (results / "README.md").read_text() for name in recorded)
    assert project.run("git", "status", "--porcelain").split() == ["??", "studies/results/"]


@pytest.mark.slow
def test_jobs_that_still_run_are_waited_for_and_older_code_is_taken(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    (project.beside / "hold").touch()
    running = project.start("--slurm")
    wait_for(lambda: project.started() == 2, 900)
    running.send_signal(signal.SIGINT)  # not to its jobs
    printed, _ = running.communicate(timeout=1500)
    assert running.returncode == 130
    assert states(printed) == {"s-a": "waits or runs", "s-b": "not run", "s-c": "waits or runs"}
    assert "these jobs go on by themselves" in printed
    assert "--resume, with the options of before, waits" in project.study("--slurm", fails=True)
    assert "were begun in another way" in project.study("--resume", fails=True)
    (project.beside / "hold").unlink()
    assert states(project.study("--slurm", "--resume"))["s-b"] == "done"
    expected = ["aggregate 0", "aggregate 0", "aggregate 4", "embed 0", "embed 4"]
    assert sorted(project.stages_run()) == expected
    with (project.folder / "stages" / "make.py").open("a") as file:
        file.write("# a word\n")
    project.commit()
    printed = project.study("--slurm", "--resume")
    assert set(states(printed).values()) == {"existed, older code"}
    assert states(project.study("--slurm")) == DONE


@pytest.mark.slow
def test_a_model_that_a_study_makes_first_reaches_the_clones(
    tmp_path: Path, tiny_models: dict[str, TinyModel]
) -> None:
    project = new_project(tmp_path, checkpoints=True)
    source, checkpoints = tiny_models["bert"].source, project.beside / "checkpoints"
    shutil.copytree(tiny_models["bert"].folder, checkpoints / "5")
    write_json(checkpoints / "base" / "source.json", source.record())
    write_json(checkpoints / "index.json", {"steps": [5], "task": "masked_lm"})
    trained = {"equations": None, "splits": [{"corpus": "rivers", "split": "train"}]}
    write_json(project.beside / "training" / "index.json", trained)
    layers = {"embed.layers": [1], "aggregate.layer": 1, "finetune.method": "full"}
    layers |= {"finetune.task": "masked_lm"}
    first = {"step": 5, "overrides": {"model.name": "minilm"} | layers}
    study = project.read("studies/s.yaml") | {
        "fixed": {"model.name": "tiny-more"} | layers,
        "cases": {"a": {"finetune.seed": 0}},
        "models": {"tiny-more": first},
    }
    project.write("studies/s.yaml", study)
    printed = project.study("--slurm")
    assert "model tiny-more: bert after 5 steps on rivers, from" in printed
    assert states(printed) == {"s-tiny-more": "done", "s-a": "done"}
    assert project.experiments() == ["s-a", "s-tiny-more"]
    references = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    of_a = next(reference for reference in references if "/s-a-" in reference)
    shown = project.run("git", "show", "--name-only", "--format=", of_a)
    assert {"catalogue/models.yaml", "models/tiny-more.dvc"} <= set(shown.split())
    printed = project.study("--slurm")
    assert "model tiny-more: taken as it is in the catalogue: bert after 5 steps on" in printed
    assert states(printed) == {"s-a": "existed"}


@pytest.fixture
def on_slurm(tmp_path: Path) -> Iterator[StudyProject]:
    """A project with a running Slurm of one node."""
    if why := missing():
        pytest.skip(why)
    project = new_project(tmp_path)
    project.write("slurm.yaml", ON_SLURM | {"setup": ["echo made ready >&2"]})
    with one_node_slurm(tmp_path / "slurm") as variables:
        project.environment |= variables
        yield project


def job_of(project: StudyProject, experiment: str) -> str:
    jobs = json.loads((project.logs / "jobs.json").read_text())
    return next(job["id"] for job in jobs if short(job["experiment"]) == experiment)


@pytest.mark.slurm
def test_on_slurm_scancel_and_failure_are_told_and_resumed(on_slurm: StudyProject) -> None:
    project = on_slurm
    (project.beside / "hold").touch()
    (project.beside / "fail-4").touch()
    running = project.start("--slurm")
    wait_for(lambda: project.started() == 2, 900)
    listed = project.run("squeue", "--noheader", "--array", "--format=%T %r %j")
    assert sorted(listed.splitlines()) == ["PENDING Dependency s", *["RUNNING None s"] * 2]
    project.run("scancel", job_of(project, "s-a"))
    wait_for(lambda: len(clones(project)) == 1, 60)  # that of s-c
    (project.beside / "hold").unlink()
    printed, _ = running.communicate(timeout=1500)
    assert running.returncode == 1
    assert states(printed) == {"s-a": "cancelled", "s-b": "done", "s-c": "failed"}
    assert "made ready" in project.log("s-a")
    assert "seed 4 brings no luck" in project.log("s-c")
    assert (project.experiments(), clones(project)) == (["s-b"], [])
    (project.beside / "fail-4").unlink()
    project.stages_run()
    printed = project.study("--slurm", "--resume")
    assert states(printed) == {"s-a": "done", "s-b": "existed", "s-c": "done"}
    assert sorted(project.stages_run()) == ["aggregate 0", "aggregate 4", "embed 4"]


@pytest.mark.slurm
def test_on_slurm_a_job_near_its_limit_goes_on_in_a_new_one(on_slurm: StudyProject) -> None:
    project = on_slurm
    project.write("slurm.yaml", ON_SLURM | {"restarts": 1})
    (project.beside / "hold").touch()
    running = project.start("--slurm")
    wait_for(lambda: project.started() == 2, 900)
    before = job_of(project, "s-c")
    running.send_signal(signal.SIGINT)
    printed, _ = running.communicate(timeout=1500)
    assert states(printed) == dict.fromkeys(DONE, "waits or runs")
    command = ["scancel", "--signal=USR2", before]  # what Slurm sends before the limit
    subprocess.run(command, env=project.environment, check=True)
    wait_for(lambda: "was told to end" in project.log("s-c"), 60)
    (project.beside / "hold").unlink()
    assert states(project.study("--slurm", "--resume"))["s-c"] == "done"  # held for two minutes
    log = project.log("s-c")
    assert log.count(f"--- job {before} on ") == 2
    assert project.stages_run().count("embed 4") == 2


@pytest.mark.slurm
def test_on_slurm_a_job_that_reaches_its_limit_is_timed_out(on_slurm: StudyProject) -> None:
    project = on_slurm
    project.write("slurm.yaml", ON_SLURM | {"time": "0:01", "restarts": 0})
    study = project.read("studies/s.yaml")
    project.write("studies/s.yaml", study | {"cases": {"a": study["cases"]["a"]}})
    (project.beside / "hold").touch()
    printed = project.study("--slurm", fails=True)
    assert states(printed) == {"s-a": "timed out"}
    log = project.log("s-a")
    assert "was told to end: time limit or preemption" in log
    assert re.search("s-a-.{6}: TIMED OUT", printed)
    assert (project.experiments(), clones(project)) == ([], [])
    (project.beside / "hold").unlink()
    project.write("slurm.yaml", ON_SLURM)
    assert states(project.study("--slurm", "--resume")) == {"s-a": "done"}


@pytest.mark.slurm
def test_on_slurm_a_refused_job_is_told_in_its_words(on_slurm: StudyProject) -> None:
    on_slurm.write("slurm.yaml", ON_SLURM | {"partition": "gpus"})
    printed = on_slurm.study("--slurm", fails=True)
    assert "sbatch refused the jobs" in printed
    assert "invalid partition specified: gpus" in printed
