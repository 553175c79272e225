"""The quick audit sees what has another size than dvc.lock says, and reads nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lm_geometry.remotes import places
from lm_geometry.remotes.summary import IN_CACHE, IN_REMOTE, NOWHERE
from tests.remotes.test_audit import LAYER, cached, complaint, overwrite, pushed, shared
from tests.toy_project import ToyProject, finished, toy

__all__ = ["finished", "shared", "toy"]

OUTS = ["data/model.json", LAYER]
Damage = Callable[[bytes], bytes]
CUT: Damage = lambda content: content[:-1]  # noqa: E731
LONGER: Damage = lambda content: content + b"!"  # noqa: E731


def damaged(file: Path, damage: Damage) -> None:
    """Of the file alone: DVC links workspace and cache."""
    content = file.read_bytes()
    mode = file.stat().st_mode
    file.unlink()
    file.write_bytes(damage(content))
    file.chmod(mode)


def quick(project: ToyProject, *more: str) -> list[str]:
    """The lines that name a fault."""
    return complaint(project, "audit", "--quick", *more).splitlines()[:-1]


@pytest.mark.parametrize("damage", [CUT, LONGER])
@pytest.mark.parametrize("path", OUTS)
def test_another_size_in_the_cache_is_named_and_mended(
    shared: ToyProject, path: str, damage: Damage
) -> None:
    damaged(cached(shared, path), damage)
    (line,) = quick(shared)
    assert "ted in the cache: " + path in line
    shared.command("audit", "--quick", "--repair")
    shared.command("audit")


@pytest.mark.parametrize("path", OUTS)
def test_another_size_in_the_remote_is_named(shared: ToyProject, path: str) -> None:
    damaged(pushed(shared, path), CUT)
    (line,) = quick(shared)
    assert line.startswith("truncated in the remote folder")
    assert path in line
    shared.command("audit", "--quick", "--no-remote")


@pytest.mark.parametrize("path", OUTS)
@pytest.mark.parametrize("how", [[], ["--quick"], ["--quick", "--no-remote"]])
def test_another_size_in_the_workspace_is_named_with_what_brings_it_back(
    shared: ToyProject, path: str, how: list[str]
) -> None:
    before = shared.bytes()
    damaged(shared.folder / path, CUT)
    said = complaint(shared, "audit", *how)
    of = " of data/states" if path == LAYER else ""
    size = f"{len(before[path]) - 1:,} bytes"
    assert said.splitlines() == [
        f"changed in the workspace: {path}{of}, made by embed, {size}",
        "delete these, and `dvc checkout` brings back what dvc.lock names",
    ]
    (shared.folder / path).unlink()
    shared.dvc("checkout", "--quiet", path)
    shared.command("audit", *how)
    assert shared.bytes() == before


@pytest.mark.parametrize("path", OUTS)
def test_nobody_is_told_to_delete_the_only_copy_of_what_was_changed(
    shared: ToyProject, path: str
) -> None:
    kept = cached(shared, path)
    far = pushed(shared, path)
    damaged(shared.folder / path, LONGER)
    kept.unlink()
    assert complaint(shared, "audit").splitlines()[1:] == [IN_REMOTE]
    far.unlink()
    said = complaint(shared, "audit").splitlines()
    assert said[-2].startswith(f"changed in the workspace: {path}")
    assert said[-1] == NOWHERE
    assert not any("delete these" in line for line in said)


def test_what_repair_mended_in_the_cache_is_brought_back_from_there(shared: ToyProject) -> None:
    for path in (LAYER, "data/states"):
        overwrite(cached(shared, path), b"?")
    damaged(shared.folder / LAYER, LONGER)
    assert complaint(shared, "audit", "--repair").splitlines()[1:] == [IN_CACHE]


def test_what_was_never_checked_out_is_no_fault_and_what_was_is_looked_at(
    shared: ToyProject, tmp_path: Path
) -> None:
    clone = shared.clone(tmp_path / "clone")
    clone.dvc("fetch", "--quiet")
    clone.command("audit", "--quick")
    clone.command("pull", LAYER)
    clone.command("audit", "--quick")
    damaged(clone.folder / LAYER, CUT)
    size = f"{(clone.folder / LAYER).stat().st_size:,} bytes"
    assert quick(clone) == [
        f"changed in the workspace: {LAYER} of data/states, made by embed, {size}"
    ]


def test_nothing_is_read_of_what_has_its_size(
    shared: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = places.seen_at

    def seen_at(fs: object, path: str) -> places.Seen:
        read.append(path)
        return whole(fs, path)

    monkeypatch.setattr(places, "seen_at", seen_at)
    shared.command("audit", "--quick")
    listings = {str(cached(shared, folder)) for folder in ("data/states", "data/tables")}
    assert {*read} == listings
    overwrite(cached(shared, LAYER), b"?")
    read.clear()
    quick(shared, "--no-remote")
    assert str(cached(shared, LAYER)) in read
    assert str(cached(shared, "data/model.json")) not in read
