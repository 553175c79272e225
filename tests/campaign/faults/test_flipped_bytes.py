"""A byte of a result that another takes the place of, after its stage has finished."""

import os
from pathlib import Path

import pytest

from tests.remotes.test_audit import LAYER, cached, complaint
from tests.toy_project import ToyProject, finished, toy

__all__ = ["finished", "toy"]


def flip(file: Path, rots: bool) -> None:
    """In place, through a read-only mode; the rot of a disk leaves the time of change."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o644)
    with file.open("r+b") as opened:
        opened.write(content)
    file.chmod(before.st_mode)
    if rots:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def copied(toy: ToyProject) -> ToyProject:
    """A project whose workspace has copies, and no links into the cache, and that DVC has seen."""
    for file in (toy.folder / "data").rglob("*"):
        if file.is_file():
            content, mode = file.read_bytes(), file.stat().st_mode
            file.unlink()
            file.write_bytes(content)
            file.chmod(mode)
    toy.dvc("status", "--quiet")
    return toy


def test_a_flipped_byte_is_seen_by_the_next_repro_and_taken_back(copied: ToyProject) -> None:
    before = copied.bytes()
    flip(copied.folder / LAYER, rots=False)
    copied.dvc("repro", "--quiet")
    assert copied.bytes() == before
    copied.command("audit", "--no-remote")


def test_rot_of_a_copy_is_named_by_the_audit_and_taken_back(copied: ToyProject) -> None:
    """DVC takes the file for what it was, by its size and time of change."""
    before = copied.bytes()
    flip(copied.folder / LAYER, rots=True)
    said = complaint(copied, "audit", "--no-remote").splitlines()
    assert said[0].startswith(f"changed in the workspace: {LAYER} of data/states, made by embed")
    assert said[1].startswith("delete these, and `dvc checkout` brings back")
    (copied.folder / LAYER).unlink()
    copied.dvc("checkout", "--quiet")
    assert copied.bytes() == before
    copied.command("audit", "--no-remote")


@pytest.mark.parametrize("rots", [False, True])
def test_a_byte_flipped_through_a_link_into_the_cache_is_named_and_made_again(
    toy: ToyProject, rots: bool
) -> None:
    before = toy.bytes()
    file, kept = toy.folder / LAYER, cached(toy, LAYER)
    file.unlink()
    os.link(kept, file)
    toy.dvc("status", "--quiet")
    flip(file, rots)
    assert f"corrupted in the cache: {LAYER}" in complaint(toy, "audit", "--no-remote")
    assert f"corrupted in the cache: {LAYER}" in complaint(toy, "audit", "--no-remote", "--repair")
    file.unlink()
    toy.dvc("repro", "--quiet")
    assert toy.bytes() == before
    toy.command("audit", "--no-remote")
