"""Compilation is told where it happens, and only there."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numba
import pytest

from lm_geometry.point_cloud import compilation
from lm_geometry.point_cloud.compilation import CLEAR, Compilation


def inner(x):
    return x + 1


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Compilation]:
    """What listens to loops of the tests, as if these were the package's; alone in doing so."""
    monkeypatch.setattr(compilation, "PACKAGE", Path(__file__).parent)
    monkeypatch.setattr(compilation.time, "monotonic", lambda: 5.0)
    for other in compilation._listening:
        compilation.event.unregister("numba:compile", other)
    yield Compilation()
    for other in compilation._listening:
        compilation.event.register("numba:compile", other)


def compile_two(listener: Compilation) -> None:
    first = numba.njit(inner)
    second = numba.njit(lambda x: first(x) * 2)
    with compilation.event.install_listener("numba:compile", listener):
        assert second(3) == 8
        assert second(4) == 10  # which is compiled already


def test_each_loop_is_counted_once_and_its_beginning_is_told(
    heard: Compilation, capsys: pytest.CaptureFixture[str]
) -> None:
    compile_two(heard)
    assert heard.loops == 2
    assert capsys.readouterr().err == f"{compilation.WHAT}, which is kept for next time\n"


def test_a_line_every_ten_seconds(
    heard: Compilation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 100, 7))
    monkeypatch.setattr(compilation.time, "monotonic", lambda: float(next(now)))
    heard.said = -1.0
    compile_two(heard)  # from 0 to 21 s, the inner one from 7 to 14 s
    assert capsys.readouterr().err.splitlines() == [f"{compilation.WHAT}: 1 done in 14 s"]
    assert heard.seconds == 21


def test_in_a_terminal_nothing_is_left_of_it(
    heard: Compilation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    compile_two(heard)
    assert terminal.getvalue().endswith(CLEAR)
    assert "\n" not in terminal.getvalue()
    assert f"{compilation.WHAT}: 1 done" in terminal.getvalue()


def test_what_others_compile_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    compile_two(Compilation())
    assert capsys.readouterr().err == ""


def test_the_first_call_tells_it_and_the_second_process_does_not(tmp_path: Path) -> None:
    code = "from lm_geometry.point_cloud.ordering import sort_pairs; import numpy as np; "
    code += "sort_pairs(np.ones(3), np.arange(3), 3)"
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    assert said[0].startswith(f"{compilation.WHAT}, which is kept for next time\n")
    assert said[1] == ""
