"""A kill in the middle of a push or pull, and a disk that is full: noticed, then made whole."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.toy_project import ToyProject, finished, new_project, toy

__all__ = ["finished", "toy"]

FILES, SIZE = 300, 60_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """A project with so many files that a transfer can be killed in the middle."""
    project = new_project(tmp_path_factory.mktemp("many") / "project", FILES, SIZE)
    project.dvc("repro", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "results")
    return project


def objects(folder: Path) -> list[Path]:
    """Finished objects of a cache or remote; what is being written has another name."""
    return [file for file in folder.glob("files/md5/??/*") if file.suffix != ".tmp"]


def kill_in_the_middle(project: ToyProject, command: str, grows: Path) -> int:
    """Objects in `grows` after `dvc push` or `pull` was killed, as soon as there were a few."""
    words = [sys.executable, "-m", "dvc", command, "--jobs", "1"]
    running = subprocess.Popen(
        words, cwd=project.folder, start_new_session=True, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: len(objects(grows)) >= 5 or running.poll() is not None)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return len(objects(grows))


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


def test_a_killed_push_and_a_killed_pull_are_made_complete_by_another(
    many: ToyProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = many.folder.parent / "remote"
    every = FILES + 4  # model, table and two listings
    assert 5 <= kill_in_the_middle(many, "push", remote) < every
    many.dvc("push", "--quiet")
    assert len(objects(remote)) == every

    clone = many.clone(tmp_path / "clone")
    (clone.folder / ".dvc" / "config.local").write_text(
        f"['remote \"folder\"']\n    url = {remote}\n"
    )
    cache = clone.folder / ".dvc" / "cache"
    assert 5 <= kill_in_the_middle(clone, "pull", cache) < every
    clone.dvc("pull", "--quiet")
    assert clone.bytes() == many.bytes()
    capsys.readouterr()
    clone.command("audit")
    out = capsys.readouterr().out
    assert out.count(f": {every} of {every} objects are whole") == 2


KILLED_WHILE_IT_NOTES = """
import os, sys
from itertools import count
from dvc.cli import main
from dvc_data.index import DataIndex
numbers, noted = count(), DataIndex.__setitem__
def note(index, key, entry):
    if key[0] in ("push", "fetch") and next(numbers) == 100:
        os._exit(9)
    noted(index, key, entry)
DataIndex.__setitem__ = note
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["push", "pull"])
def test_what_a_kill_left_of_the_notes_of_a_transfer_is_not_taken_for_the_whole(
    command: str, many: ToyProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """DVC notes what it will send; `dvc push` sends a part of it and reports success."""
    shutil.copytree(many.folder.parent, tmp_path / "copy")
    project, remote = ToyProject(tmp_path / "copy" / "project"), tmp_path / "copy" / "remote"
    shutil.rmtree(remote, ignore_errors=True)
    (project.folder / ".dvc" / "config.local").unlink(missing_ok=True)
    if command == "pull":
        project.dvc("push", "--quiet")
        shutil.rmtree(project.folder / ".dvc" / "cache")
        shutil.rmtree(project.folder / "data")
    words = [sys.executable, "-c", KILLED_WHILE_IT_NOTES, command, "--quiet"]
    assert subprocess.run(words, cwd=project.folder).returncode == 9
    if command == "push":
        project.dvc("push", "--quiet")  # which leaves the listings of folders there
    project.command(command)
    project.command("audit")
    assert capsys.readouterr().out.count(f": {FILES + 4} of {FILES + 4} objects are whole") == 2
    assert project.bytes() == many.bytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A disk of 16 kB, and how it is made larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk; the test with a limit of files is as good")
    larger = ["mount", "-o", "remount,size=10m", str(disk)]
    yield disk, lambda: subprocess.run(larger, check=True) and None
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("mended_by", ["repro", "audit"])
def test_a_full_disk_is_noticed_and_mended(
    toy: ToyProject, small_disk: tuple[Path, Callable[[], None]], mended_by: str
) -> None:
    disk, make_larger = small_disk
    toy.dvc("cache", "dir", "--local", "--quiet", str(disk / "cache"))
    toy.set_param("size", 4000)
    toy.dvc("repro", "--quiet", "embed", check=False)
    check_that_it_is_noticed_and_mended(toy, make_larger, mended_by)


def test_a_file_that_cannot_be_saved_is_noticed_and_mended(toy: ToyProject) -> None:
    """The same without root: DVC may write no file of more than 500 kB, the stage may."""
    script = toy.folder / "stage.py"
    free = "import resource as r\nkind = r.RLIMIT_FSIZE\n"
    free += "r.setrlimit(kind, (r.getrlimit(kind)[1],) * 2)\n"
    script.write_text(free + script.read_text())
    toy.set_param("size", 600_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        status = toy.dvc("repro", "embed", check=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 0  # DVC's own word: therefore the check
    check_that_it_is_noticed_and_mended(toy, lambda: None, "repro")


def check_that_it_is_noticed_and_mended(
    project: ToyProject, make_room: Callable[[], None], mended_by: str
) -> None:
    made = project.bytes()
    with pytest.raises(SystemExit) as raised:
        project.command("audit", "--quick", "--no-remote")
    said = str(raised.value.code)
    assert "missing in the cache: the listing of data/states, made by embed" in said
    assert "after a full disk, make room first" in said
    make_room()
    if mended_by == "audit":
        project.command("audit", "--no-remote", "--repair")
        assert project.bytes() == made
    project.dvc("repro", "--quiet")
    project.command("audit", "--no-remote")
    made.pop("data/tables/sums.csv")
    assert made.items() <= project.bytes().items()
    project.dvc("push", "--quiet")


def test_an_out_that_was_cut_is_made_again_by_the_next_run(
    finished: ToyProject, toy: ToyProject
) -> None:
    file = max((toy.folder / "data").rglob("layer-*.npy"), key=lambda path: path.name)
    os.truncate(file, 10)
    toy.dvc("repro", "--quiet")
    assert toy.bytes() == finished.bytes()


def test_one_that_was_cut_in_the_cache_as_well_is_found_by_an_audit(
    toy: ToyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a hard link, which DVC trusts because nobody may write it."""
    toy.dvc("config", "cache.type", "hardlink")
    toy.dvc("checkout", "--relink", "--quiet")
    file = max((toy.folder / "data").rglob("layer-*.npy"), key=lambda path: path.name)
    assert file.stat().st_nlink == 2
    file.chmod(0o644)
    os.truncate(file, 10)
    with pytest.raises(SystemExit, match=file.name):
        toy.command("audit", "--no-remote")
