"""A full or read-only disk: the file, what is free, and the setting that chooses another folder."""

import errno
import os
from pathlib import Path

import pytest

from lm_geometry.workspace import machine
from lm_geometry.workspace.faults import sentence
from lm_geometry.workspace.section import ROOT


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "scratch", lambda: tmp_path / "scratch")
    return tmp_path / "scratch"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_the_folder_what_is_free_and_the_setting_are_named(number: int, scratch: Path) -> None:
    told = sentence(OSError(number, os.strerror(number), str(scratch / "embed" / "a.npy")))
    assert told is not None
    assert told.startswith(f"{os.strerror(number)}: {scratch}/embed/a.npy (")
    assert f"MB are free in {scratch.parent}; LM_GEOMETRY_SCRATCH names another folder)" in told


def test_where_no_file_is_known_it_is_the_project(scratch: Path) -> None:
    told = sentence(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert told is not None
    assert told.endswith(f"MB are free in {ROOT})")


def test_dvcs_cache_has_a_line_of_its_own(scratch: Path) -> None:
    told = sentence(OSError(errno.ENOSPC, "full", str(ROOT / ".dvc" / "cache" / "files" / "x")))
    assert told is not None
    assert "`dvc cache dir --local` names another folder" in told
