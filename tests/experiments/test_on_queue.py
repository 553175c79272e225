"""A whole study in order and on DVC's queue: interrupted, resumed, with queued code, as lines."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from lm_geometry.experiments.on_queue import workers
from lm_geometry.revisions.revision import Revision
from lm_geometry.workspace import paths
from tests.structure import ROOT
from tests.study_project import StudyProject, new_project, states, wait_for

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

DONE = {"s-a": "done", "s-b": "done", "s-c": "done"}


def interrupted(
    project: StudyProject, *arguments: str, started: int, alone: signal.Signals | None = None
) -> str:
    """What a study printed that got Ctrl-C when so many stages had started and waited.

    As a terminal does, that tells all of them; with `alone` the study alone is told that.
    """
    (project.beside / "hold").touch()
    running = project.start(*arguments)
    wait_for(lambda: project.started() == started, 900)
    if alone is None:
        os.killpg(running.pid, signal.SIGINT)
    else:
        running.send_signal(alone)
    printed, _ = running.communicate(timeout=1500)
    assert running.returncode == 130, printed
    return printed


def at_work_below(folder: Path) -> list[str]:
    """What runs below a folder (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is not ours
            if (process / "cwd").resolve().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.parametrize("alone", [None, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_order_ctrl_c_tells_where_it_stopped_and_resume_goes_on(
    tmp_path: Path, alone: signal.Signals | None
) -> None:
    project = new_project(tmp_path)
    printed = interrupted(project, started=1, alone=alone)
    assert at_work_below(project.folder) == []
    assert states(printed) == {"s-a": "cancelled", "s-b": "not run", "s-c": "not run"}
    assert "interrupted; nothing runs on" in printed
    assert "  lm-geometry study s --resume   goes on" in printed
    (project.beside / "hold").unlink()
    project.stages_run()
    assert states(project.study("--resume")) == DONE
    assert project.stages_run() == ["embed 0", *["aggregate 0"] * 2, "embed 4", "aggregate 4"]


FULL = """
if stage == "aggregate" and (beside / "full").exists():
    import hashlib
    name = hashlib.md5(Path("data/model.json").read_bytes()).hexdigest()
    (beside.parent / "project" / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]).unlink()
"""


def test_what_a_full_disk_kept_out_of_the_cache_is_told_and_run_again(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    with (project.folder / "stages" / "make.py").open("a") as file:
        file.write(FULL)
    project.write("studies/s.yaml", project.read("studies/s.yaml") | {"cases": {"a": {"seed": 1}}})
    project.commit()
    (project.beside / "full").touch()
    printed = project.study(fails=True)
    assert states(printed) == {"s-a": "lost"}
    assert "cache lacks data/model.json" in project.log("s-a")[-500:]
    assert project.experiments() == []
    (project.beside / "full").unlink()
    assert states(project.study()) == {"s-a": "done"}
    assert project.stages_run() == ["embed 0", "aggregate 0", "embed 0"]


def test_the_queue_goes_on_after_ctrl_c_and_is_waited_for(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    cases = {f"c{seed}": {"finetune.seed": seed} for seed in (1, 2, 3)}  # nothing is shared
    study = project.read("studies/s.yaml")
    project.write("studies/s.yaml", study | {"cases": cases})
    project.commit()
    printed = interrupted(project, "--jobs", "2", started=2)
    assert states(printed) == dict.fromkeys(("s-c1", "s-c2", "s-c3"), "waits or runs")
    assert "DVC's queue goes on by itself" in printed
    assert re.search("  s-c3-.{6}: queued", printed)
    assert "lm-geometry study s --jobs 2 --resume   goes on" in printed
    refused = project.study("--jobs", "2", fails=True)
    assert re.search("s-c3-.{6}: queued on DVC's queue", refused)
    assert "were begun in another way" in project.study("--resume", fails=True)
    (project.beside / "hold").unlink()
    assert set(states(project.study("--jobs", "2", "--resume")).values()) <= {"done", "existed"}
    stages = ("aggregate", "embed")
    assert sorted(project.stages_run()) == [f"{stage} {n}" for stage in stages for n in "123"]


def test_on_the_queue_only_what_is_shared_is_waited_for(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    (project.beside / "hold").touch()
    running = project.start("--jobs", "2")
    wait_for(lambda: project.started() == 2, 900)
    assert sorted(project.stages_run()) == ["embed 0", "embed 4"]  # a and c; b shares a's
    (project.beside / "hold").unlink()
    printed, _ = running.communicate(timeout=1500)
    assert states(printed) == DONE, printed
    assert "2 running: s-a" in printed
    assert sorted(project.stages_run()) == ["aggregate 0", "aggregate 0", "aggregate 4"]


def test_what_killed_workers_ran_is_told_and_run_again(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    (project.beside / "hold").touch()
    cases = {f"c{seed}": {"finetune.seed": seed} for seed in (1, 2)}
    project.write("studies/s.yaml", project.read("studies/s.yaml") | {"cases": cases})
    project.commit()
    running = project.start("--jobs", "2")
    wait_for(lambda: project.started() == 2, 900)
    found = workers(project.folder)
    assert len(found) == 2
    for process in found:
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: workers(project.folder) == [], 60)
    printed, _ = running.communicate(timeout=1500)
    assert running.returncode == 1
    assert set(states(printed).values()) <= {"cancelled", "failed"}
    (project.beside / "hold").unlink()
    assert set(states(project.study("--jobs", "2", "--resume")).values()) == {"done"}


def test_queued_and_temporary_experiments_run_the_code_they_were_queued_with(
    tmp_path: Path,
) -> None:
    project = new_project(tmp_path)
    package, script = project.folder / "src/lm_geometry/level.py", project.folder / "stages/make.py"
    lines = (ROOT / "stages" / "embed.py").read_text().splitlines()
    preamble = [
        line for line in lines if line.startswith(("import sys", "from pathlib", "sys.path"))
    ]
    assert len(preamble) == 3  # what lets a stage import its own clone's package
    text = script.read_text().replace("10.0 + k", "LEVEL + k")
    script.write_text("\n".join([*preamble, "from lm_geometry.level import LEVEL", text]))
    pipeline = project.folder / "dvc.yaml"
    deps = "deps: [stages/make.py"
    pipeline.write_text(pipeline.read_text().replace(deps, f"{deps}, src/lm_geometry/level.py"))
    package.write_text("LEVEL = 20.0\n")
    project.run("git", "add", "--all")
    project.run("dvc", "exp", "run", "--queue", "-n", "early", "-S", "finetune.seed=1")
    package.write_text("LEVEL = 30.0\n")
    project.run("dvc", "exp", "run", "--temp", "-n", "late", "-S", "finetune.seed=1")
    package.write_text("LEVEL = 40.0\n")
    project.run("dvc", "queue", "start", "-j", "1")
    wait_for(lambda: project.experiments() == ["early", "late"], 900)
    for name, level in (("early", 20.0), ("late", 30.0)):
        table = Revision(name, project.folder).read_table(paths.table("means"))
        assert table["mean"][0] == level + 1 + 1  # layer 1, seed 1


def test_the_lines_of_a_dry_run_do_the_same_in_a_shell(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    printed = project.study("--dry-run", "--jobs", "2").splitlines()
    lines = [line for line in printed if not line.startswith("disk: ")]  # of its error stream
    assert [shlex.split(line)[:4] for line in lines] == [
        ["dvc", "exp", "run", "--temp"],
        *[["dvc", "exp", "run", "--queue"]] * 2,
        ["dvc", "queue", "start", "-j"],
    ]
    ran = subprocess.run(
        ["bash", "-e"],
        input="\n".join(lines),
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    wait_for(lambda: project.experiments() == ["s-a", "s-b", "s-c"], 900)
    assert set(states(project.study()).values()) == {"existed"}
