"""The disk that is asked for room is the one that is written: the scratch folder's first."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_geometry.workspace import cells

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A scratch folder on another disk than the out's."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second disk")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        monkeypatch.setattr(cells, "scratch", lambda: Path(folder))
        yield Path(folder)


def test_a_full_scratch_disk_is_told_with_its_setting(elsewhere: Path, tmp_path: Path) -> None:
    free = {place: shutil.disk_usage(place).free for place in (elsewhere, tmp_path)}
    if free[elsewhere] >= free[tmp_path]:
        pytest.skip("needs a smaller scratch disk")
    needed = (free[elsewhere] + free[tmp_path]) // 2
    with pytest.raises(OSError, match=r"LM_GEOMETRY_SCRATCH\) needs .* bytes; /dev/shm/.* free"):
        cells.room_for_cells(needed, "embed", tmp_path, "states")


def test_finished_cells_need_no_room_again(
    elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "embed" / "key").mkdir(parents=True)
    (elsewhere / "embed" / "key" / "cell").write_bytes(bytes(3_000_000))
    cells.room_for_cells(5_000_000, "embed", tmp_path, "states")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("states: 5.0 MB on disk")
    assert second.startswith("states, first in the scratch folder (LM_GEOMETRY_SCRATCH): 2.0 MB")


def test_one_disk_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cells, "scratch", lambda: tmp_path / "scratch")
    cells.room_for_cells(1_000_000, "embed", tmp_path / "out", "states")
    assert len(capsys.readouterr().out.splitlines()) == 1
