"""How far a loop is: lines where there is no terminal, and none where it is quick."""

import time
from collections.abc import Iterator

import pytest

from lm_geometry.workspace import progress as module
from lm_geometry.workspace.progress import line, progress, under_way


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
    assert line("tables", 0, 3, 20.0) == "tables: 0 of 3 in 20 s"


def test_nothing_is_taken_before_it_is_asked_for(clock: list[float]) -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(3):
            taken.append(item)
            yield item

    assert next(progress(items(), "embed")) == 0
    assert taken == [0]


def test_one_long_item_is_no_silence(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    silences, said = [], 0.0
    with under_way("embed", 4) as work:
        work.done = 1
        for second in range(1, 36):  # in which no item ends, and the thread looks
            clock[0] = float(second)
            work.say_if_due()
            if capsys.readouterr().err:
                silences.append(second - said)
                said = second
    assert silences == [10, 10, 10]


def test_the_innermost_work_speaks(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with under_way("data-prep") as stage:
        clock[0] = 10.0
        stage.say_if_due()
        for _ in progress(range(2), "reading"):
            clock[0] += 11.0
            stage.say_if_due()
        clock[0] += 5.0
        stage.say_if_due()
    assert capsys.readouterr().err.splitlines() == [
        "data-prep: 10 s",
        "reading: 1 of 2 in 11 s, 0.091 a second, 11 s left",
        "data-prep: 37 s",
    ]


def test_a_loop_that_has_just_begun_leaves_the_line_to_what_it_is_within(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with under_way("finetune") as stage:
        clock[0] = 9.5
        for _ in progress(range(3), "scoring"):
            clock[0] += 0.6  # at the first one ten seconds have passed since anything was said
            stage.say_if_due()
        for _ in progress(range(3), "embedding"):
            clock[0] += 10.0
    assert capsys.readouterr().err.splitlines() == [
        "scoring: 1 of 3 in 1 s, 1.7 a second, 1 s left",
        "embedding: 1 of 3 in 10 s, 0.1 a second, 20 s left",
        "embedding: 2 of 3 in 20 s, 0.1 a second, 10 s left",
    ]


def test_no_loop_says_that_none_of_it_is_done_before_ten_seconds_have_passed(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with under_way("finetune"):
        clock[0] = 12.0  # nobody looked
        with under_way("scoring", 3) as work:
            work.go_on(0)
            for second in range(13, 33):
                clock[0] = float(second)
                work.say_if_due()
    assert capsys.readouterr().err.splitlines() == [
        "finetune: 12 s",
        "scoring: 0 of 3 in 10 s",
        "scoring: 0 of 3 in 20 s",
    ]


def test_the_thread_speaks_by_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.02)
    monkeypatch.setattr(module, "LOOKED", 0.01)
    with under_way("converting"):
        time.sleep(0.5)  # as a call into a library does, which says nothing
    assert capsys.readouterr().err.count("converting: ") > 2


def test_a_resumed_run_has_the_rate_of_what_it_did_itself(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with under_way("fine-tuning, steps", 80, 40) as work:
        clock[0] = 20.0
        work.go_on(50)
    assert capsys.readouterr().err == (
        "fine-tuning, steps: 50 of 80 in 20 s, 0.5 a second, 60 s left\n"
    )


def test_a_block_that_fails_is_no_longer_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), under_way("outer"), under_way("inner"):
        raise KeyError
    with under_way("another") as work:
        assert module._under_way == [work]
