"""What killed transfers left in a remote is removed, and what goes on is not."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dvc_objects.fs.local import LocalFileSystem

from lm_geometry.remotes.audit import Audit
from lm_geometry.remotes.mending import mend, unfinished_links
from lm_geometry.remotes.objects import Item, Out
from lm_geometry.remotes.places import Place


def test_old_unfinished_objects_are_removed_by_a_repair(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "md5" / "ab"
    folder.mkdir(parents=True)
    left, going_on, whole = folder / ".cdef.x1.tmp", folder / ".cdef.x2.tmp", folder / "cdef"
    for file in (left, going_on, whole):
        file.write_text("half")
    before = time.time() - 7200
    for file in (left, whole):
        os.utime(file, (before, before))
    place = Place("remote", SimpleNamespace(fs=LocalFileSystem(), path=str(tmp_path)))
    found = Audit(place, None, [], {})
    said: list[str] = []
    repo: Any = SimpleNamespace(root_dir=str(tmp_path))
    assert mend(found, lambda: found, repo, said.append) == []
    assert said == [f"removed from the remote, what a killed transfer left: {left}"]
    assert not left.exists()
    assert going_on.exists()
    assert whole.exists()


def test_links_that_a_killed_checkout_left_are_removed_and_nothing_of_the_users(
    tmp_path: Path,
) -> None:
    out = Out("data/states", "embed", "0" * 32 + ".dir", None, pushed=True)
    found = Audit(
        Place("cache", SimpleNamespace(fs=LocalFileSystem(), path=str(tmp_path / "cache"))),
        None,
        [Item("1" * 32, "data/states/layer-1.npy", out)],
        {},
    )
    (tmp_path / "data" / "states").mkdir(parents=True)
    names = (".uu_AEKpE-3nZeqGSZfwDgQ.tmp", "states/.AbcdefghijklmnopqrstuV.tmp")
    left = [tmp_path / "data" / name for name in names]
    kept = [tmp_path / "data" / name for name in (".notes.tmp", "states/layer-1.npy")]
    going_on = tmp_path / "data" / ".zz_AEKpE-3nZeqGSZfwDgQ.tmp"
    before = time.time() - 7200
    for file in [*left, *kept, going_on]:
        file.write_text("half")
        if file != going_on:
            os.utime(file, (before, before))
    assert unfinished_links(found, tmp_path) == sorted(left)
    assert going_on not in unfinished_links(found, tmp_path)
