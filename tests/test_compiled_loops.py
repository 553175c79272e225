"""Compiled loops: pieces of work, their progress, and their cache on disk."""

import sys

import numpy as np
import pytest

from lm_geometry.neighbours import loops


def test_pieces_do_not_depend_on_the_number_of_threads(monkeypatch):
    pieces = []
    for count in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        pieces.append(loops.over_rows(lambda first, last: (first, last), 1000))
    assert pieces[0] == pieces[1]
    assert pieces[0][0] == (0, 64)
    assert sum(last - first for first, last in pieces[0]) == 1000


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_shown_on_a_terminal_only(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert loops.side_by_side(abs, [-1, 2, -3], "steps of a search") == [1, 2, 3]
    assert ("steps of a search" in capsys.readouterr().err) == terminal
    assert loops.side_by_side(abs, [-1, 2, -3]) == [1, 2, 3]
    assert capsys.readouterr().err == ""


def test_two_processes_with_a_cold_cache_write_to_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    def twice(x):
        return 2 * x

    one, other = (loops.compiled(twice) for _ in range(2))
    # Neither sees what the other has saved, as when both start at once.
    files = other._cache._cache_file  # pyright: ignore[reportFunctionMemberAccess]
    monkeypatch.setattr(files, "_load_index", dict)
    assert one(np.float32(3)) == other(np.float64(3)) == 6
    assert len(list(tmp_path.rglob("*.nbc"))) == 2
