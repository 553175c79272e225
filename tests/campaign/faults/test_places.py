"""Places where nobody expects a project: read-only, strange, shallow, of another time."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lm_geometry.models import downloaded
from lm_geometry.models.sources import fetch
from lm_geometry.workspace import machine
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.faults import sentences
from tests.conftest import TinyModel
from tests.models.test_sources import _member as member
from tests.models.test_sources import index, wheel
from tests.pipeline.test_pipeline import clone
from tests.structure import ROOT
from tests.toy_project import ToyProject, finished, stages_run, toy

__all__ = ["finished", "index", "toy", "wheel"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, which can be made read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)


def test_a_folder_that_cannot_be_written_is_one_sentence(
    disk: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remount(disk, "ro")
    monkeypatch.setattr("lm_geometry.workspace.cells.scratch", lambda: disk / "scratch")
    with pytest.raises(SystemExit) as ended, sentences():
        Cells("embed", {})
    assert str(ended.value.code).startswith("Read-only file system: ")
    assert str(disk) in str(ended.value.code)
    assert machine.scratch() != disk


def test_a_read_only_downloads_folder_is_read_and_what_it_lacks_is_one_sentence(
    disk: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, other = (member(wheel, f"tiny_text/{name}") for name in ("data/a.txt", "database.txt"))
    monkeypatch.setenv("LM_GEOMETRY_DOWNLOADS", str(disk))
    machine.machine.cache_clear()
    file = fetch(there, disk)
    remount(disk, "ro")
    downloaded._verified.clear()  # as in another process
    assert fetch(there, disk) == file
    assert file.read_text() == "first"
    with pytest.raises(SystemExit) as ended, sentences():
        fetch(other, disk)
    told = str(ended.value.code)
    assert told.startswith(f"Read-only file system: {disk}")
    assert told.endswith("LM_GEOMETRY_DOWNLOADS names another folder)")
    machine.machine.cache_clear()


def test_a_cache_that_cannot_be_written_fails_and_is_filled_later(
    toy: ToyProject, disk: Path
) -> None:
    shutil.copytree(toy.folder / ".dvc" / "cache", disk / "cache")
    toy.dvc("cache", "dir", "--local", "--quiet", str(disk / "cache"))
    toy.set_param("layers", 5)  # of another `size` DVC's run cache would know nothing
    remount(disk, "ro")
    assert toy.dvc("repro", "--quiet", check=False) != 0
    remount(disk, "rw")
    toy.dvc("repro", "--quiet")
    toy.command("audit", "--quick", "--no-remote")
    assert sum("states" in name for name in toy.bytes()) == 5


@pytest.mark.slow  # everything is compiled, twice
def test_compiled_loops_of_a_read_only_folder_are_run(disk: Path) -> None:
    code = (
        "import numpy as np; from lm_geometry import local_dimension; "
        "print(local_dimension(np.random.default_rng(0).random((50, 3)), 20).sum())"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": str(disk)}
    command = [sys.executable, "-c", code]

    def found() -> float:
        ran = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return float(ran.stdout)

    filled = found()
    remount(disk, "ro")
    assert found() == filled
    remount(disk, "rw")
    for path in disk.iterdir():
        shutil.rmtree(path)
    remount(disk, "ro")
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    told = ran.stderr.splitlines()[-1] if ran.returncode else ran.stdout.splitlines()[-1]
    assert "Read-only" in told if ran.returncode else np.isclose(float(told), filled)


def test_no_identity_is_told_and_nothing_is_run(toy: ToyProject, tmp_path: Path) -> None:
    toy.set_param("layers", 5)
    environment = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "site")}
    environment |= {"GIT_CONFIG_GLOBAL": "/dev/null"}
    before = toy.bytes()
    command = [sys.executable, "-m", "dvc", "exp", "run", "-S", "layers=6"]
    ran = subprocess.run(command, cwd=toy.folder, env=environment, capture_output=True, text=True)
    assert ran.returncode != 0
    assert "user name and email must be configured" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert toy.bytes() == before


def test_a_worktree_runs(toy: ToyProject, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toy.dvc("push", "--quiet")
    toy.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    remote = f"['remote \"folder\"']\n    url = {toy.folder.parent / 'remote'}\n"
    (tmp_path / "worktree" / ".dvc" / "config.local").write_text(remote)
    other = ToyProject(tmp_path / "worktree")
    caplog.clear()
    other.dvc("pull", "--quiet")
    other.dvc("repro")
    assert stages_run(caplog) == []
    assert other.bytes() == toy.bytes()


def test_a_shallow_clone_runs(toy: ToyProject, tmp_path: Path) -> None:
    toy.git("clone", "--quiet", "--depth", "1", f"file://{toy.folder}", str(tmp_path / "shallow"))
    other = ToyProject(tmp_path / "shallow")
    other.dvc("repro", "--quiet")
    assert other.bytes() == toy.bytes()


def test_files_of_the_future_and_the_past_are_what_they_hold(
    toy: ToyProject, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a clock that was set back, or forward, between two runs."""
    files = [path for path in (toy.folder / "data").rglob("*") if path.is_file()]
    for shift in (86_400.0, -86_400.0):
        for file in [*files, toy.folder / "stage.py", toy.folder / "params.yaml"]:
            moved = time.time() + shift
            os.utime(file, (moved, moved), follow_symlinks=False)
        caplog.clear()
        toy.dvc("repro")
        assert stages_run(caplog) == []
    toy.set_param("offset", 1)
    os.utime(toy.folder / "params.yaml", (0, 0))
    caplog.clear()
    toy.dvc("repro")
    assert stages_run(caplog) == ["aggregate"]


@pytest.mark.slow
@pytest.mark.pipeline
def test_a_strange_place_gives_the_same_bytes(
    tmp_path: Path, tiny_models: dict[str, TinyModel]
) -> None:
    """Spaces, Unicode, a link, a umask, a language, no home, a detached HEAD, all at once."""
    plain = clone(tmp_path / "plain", tiny_models["llama"].folder)
    plain.dvc("repro")
    made = clone(tmp_path / "größer als 新闻 ", tiny_models["llama"].folder)
    made.run("git", "checkout", "--quiet", "--detach")
    (tmp_path / "a link").symlink_to(made.folder)
    beside = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": beside, "LC_ALL": "C", "LANG": "C", "LM_GEOMETRY_DEVICE": "cpu"}
    environment |= {"LM_GEOMETRY_DOWNLOADS": str(tmp_path / "downloads")}
    environment |= {"LM_GEOMETRY_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "LM_GEOMETRY_COSTS": "never"}
    ran = subprocess.run(
        ["sh", "-c", f"umask 077; exec {sys.executable} -m dvc repro"],
        cwd=tmp_path / "a link",
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert made.bytes() == plain.bytes()
