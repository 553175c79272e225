"""Compiled loops: pieces of work, their progress, and their cache on disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lm_geometry.point_cloud import code_cache, loops


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


@pytest.mark.slow
def test_clones_of_the_same_code_share_what_is_compiled_and_other_code_does_not(tmp_path):
    def files() -> set[str]:
        return {path.name for path in (tmp_path / "cache").rglob("*.nbc")}

    script = "import numpy; from lm_geometry import hausdorff; X = numpy.eye(3)\n"
    script += "print(hausdorff(X, X).distance)"
    for clone in ("one", "other"):
        package = tmp_path / clone / "lm_geometry"
        shutil.copytree(code_cache.PACKAGE, package, ignore=without_caches)
        run(script, tmp_path, clone)
        if clone == "one":
            compiled = files()
    assert compiled == files() != set()
    edited = tmp_path / "other" / "lm_geometry" / "neighbours" / "distances.py"
    edited.write_text(edited.read_text() + "\n# another version\n")
    run(script, tmp_path, "other")
    assert len(files()) == 2 * len(compiled)


@pytest.mark.slow
def test_estimates_are_the_same_whether_their_loops_were_just_compiled_or_not(tmp_path):
    script = (
        "import numpy as np; from lm_geometry import local_dimension\n"
        "X = np.random.default_rng(0).standard_normal((300, 50)).astype(np.float32)\n"
        "print([local_dimension(X.astype(t), 30).tobytes().hex() for t in (np.float32, float)])"
    )
    runs = [printed(script, tmp_path) for _ in range(2)]
    assert runs[0] == runs[1]


without_caches = shutil.ignore_patterns("__pycache__")


def run(script: str, folder: Path, clone: str) -> None:
    assert printed(script, folder, PYTHONPATH=str(folder / clone)) == "0.0"


def printed(script: str, folder: Path, **environment: str) -> str:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")} | environment
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()
