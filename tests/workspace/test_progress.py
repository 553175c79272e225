"""How far a loop is: lines where there is no terminal, and none where it is quick."""

from collections.abc import Iterator

import pytest

from lm_geometry.workspace import progress as module
from lm_geometry.workspace.progress import line, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that have passed, by one cell."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_ten_seconds_tells_rate_and_what_is_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in progress(range(10), "embed"):
        clock[0] += 4.0
    assert capsys.readouterr().err.splitlines() == [
        "embed: 3 of 10 in 12 s, 0.25 a second, 28 s left",
        "embed: 6 of 10 in 24 s, 0.25 a second, 16 s left",
        "embed: 9 of 10 in 36 s, 0.25 a second, 4 s left",
    ]


def test_what_is_quick_is_silent(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter("abc"), "embed")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_without_a_number_of_all_the_time_left_is_not_told() -> None:
    assert line("tables", 4, None, 20.0) == "tables: 4 in 20 s, 0.2 a second"
    assert line("tables", 0, 3, 20.0) == "tables: 0 of 3 in 20 s, 0 a second"


def test_nothing_is_taken_before_it_is_asked_for(clock: list[float]) -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(3):
            taken.append(item)
            yield item

    assert next(progress(items(), "embed")) == 0
    assert taken == [0]
