"""What is said of simulated courses, and how often it is wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.measure.chart import by_step
from lm_geometry.measure.course import Course, Word
from lm_geometry.measure.course_log import CourseLog
from lm_geometry.measure.log import whole_lines

SERIES, CALLS = 2000, 12
NOISE, RISE = 0.05, 0.1  # standard deviation of one measurement, and a rise per measurement


def said(values: np.ndarray, z: float = 3.0, patience: int = 2) -> list[Word]:
    course, least = Course(z, patience), values[0]
    words: list[Word] = []
    for value in values[1:]:
        words.append(course.add(value - least, NOISE * np.sqrt(2)))
        least = value if course.is_least else least
    return words


def simulated(truth: np.ndarray, seed: int) -> list[list[Word]]:
    noise = np.random.default_rng(seed).normal(scale=NOISE, size=(SERIES, CALLS))
    return [said(series) for series in truth + noise]


def share_rising(words: list[list[Word]]) -> float:
    return float(np.mean(["rising" in series for series in words]))


def test_of_a_constant_series_rising_is_hardly_ever_said() -> None:
    assert share_rising(simulated(np.zeros(CALLS), seed=0)) < 0.005


def test_of_a_fall_that_goes_flat_rising_is_not_said_and_the_end_is_flat() -> None:
    truth = np.maximum(1.0 - 0.4 * np.arange(CALLS), 0.0)
    words = simulated(truth, seed=1)
    assert share_rising(words) < 0.005
    assert np.mean([series[-1] == "flat" for series in words]) > 0.95
    assert np.mean([series[0] == "falling" for series in words]) > 0.95


def test_a_fall_that_rises_again_is_found_three_to_four_measurements_after_its_least() -> None:
    truth = RISE * np.maximum(np.arange(CALLS) - 3, 0) + 0.4 * np.maximum(3 - np.arange(CALLS), 0)
    words = simulated(truth, seed=2)
    assert share_rising(words) == 1.0
    delays = [series.index("rising") + 1 - 3 for series in words]
    assert 3.0 < np.mean(delays) < 4.5


def test_rising_is_left_by_a_new_least_measurement_alone() -> None:
    values = np.array([1.0, 0.0, 0.5, 0.6, 0.1, 0.0, -0.05, -0.5, -0.5, -0.5])
    words = ["falling", "falling", "rising", "rising", "rising", "rising", "falling", "falling"]
    assert said(values) == [*words, "flat"]


@pytest.mark.parametrize(("patience", "first"), [(1, 2), (2, 3), (3, 4)])
def test_a_rise_must_last_as_long_as_asked(patience: int, first: int) -> None:
    values = np.array([0.0, -1.0, 1.0, 1.0, 1.0, 1.0])
    assert said(values, patience=patience).index("rising") == first - 1


def test_a_line_that_a_kill_cut_is_forgotten_with_what_was_measured_later(tmp_path: Path) -> None:
    log = CourseLog(tmp_path / "course.jsonl")
    for step in (1, 2, 3):
        course, _ = log.begin(step)
        course.add(1.0, 0.1)
        log.add(step, course, pd.DataFrame())
    with log.path.open("a") as file:
        file.write('{"step": 4, "z"')
    course, least = log.begin(3)
    assert (course.word, course.above, least) == ("rising", 2, None)
    assert [line["step"] for line in whole_lines(log.path)] == [1, 2]


def test_a_course_without_intervals_is_drawn_too() -> None:
    prefix = "local_dimension"
    history = [
        {"step": 0, f"{prefix}/layer_3": 9.0, f"{prefix}/layer_3/rankme": 300.0},
        {"step": 5, f"{prefix}/layer_3": 8.0, f"{prefix}/layer_3/change": -1.0},
    ]
    (values,) = by_step(history, prefix).to_dict()["datasets"].values()
    drawn = [(row["step"], row["kind"], row["value"]) for row in values]
    kinds = ("mean local dimension", "change since the first step")
    assert drawn == [(0, kinds[0], 9.0), (5, kinds[0], 8.0), (5, kinds[1], -1.0)]
