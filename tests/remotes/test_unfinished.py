"""What killed transfers left in a remote is removed, and what goes on is not."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dvc_objects.fs.local import LocalFileSystem

from lm_geometry.remotes.audit import Audit
from lm_geometry.remotes.mending import mend
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
    repo: Any = None  # which nothing lost is looked for in
    assert mend(found, lambda: found, repo, said.append) == []
    assert said == [f"removed from the remote, what a killed transfer left: {left}"]
    assert not left.exists()
    assert going_on.exists()
    assert whole.exists()
