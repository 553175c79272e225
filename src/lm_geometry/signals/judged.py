"""Numbers of one signal over runs, each with what a bootstrap over runs makes of it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.shapes import Bool, Float64, Int64, Shaped
from lm_geometry.signals.thresholds import left_out_thresholds, threshold_of

CONFIDENCE = 0.95
WARNINGS = ("detected", "late", "lead", "lead_share")

Runs = tuple[Int64[np.ndarray, "some"], Int64[np.ndarray, "others"]]  # with the event, and without


class Course(NamedTuple):
    """The scores of one run `[steps]`, its event's step (NaN without), and its budget in steps."""

    steps: Float64[np.ndarray, "steps"]
    scores: Float64[np.ndarray, "steps"]
    event: float
    budget: float


class Estimate(NamedTuple):
    """A number over runs, with the percentile interval of a bootstrap that draws runs."""

    value: float
    lower: float
    upper: float
    runs: int


class Drawn(NamedTuple):
    """A number, and the same of each draw of runs, `[draws]`."""

    value: float
    again: Float64[np.ndarray, "draws"]
    runs: int

    def estimate(self) -> Estimate:
        """With its percentile interval; draws without a value are left out."""
        there = self.again[~np.isnan(self.again)]
        if not len(there):
            return Estimate(self.value, float("nan"), float("nan"), self.runs)
        tail = (1 - CONFIDENCE) / 2
        lower, upper = np.quantile(there, [tail, 1 - tail])
        return Estimate(self.value, float(lower), float(upper), self.runs)


class Judged(NamedTuple):
    """Numbers by name: the WARNINGS, ("area", share), ("within", share); and false alarms."""

    numbers: Mapping[Hashable, Drawn]
    false_alarms: int
    without_event: int
    threshold: float  # of all runs without the event


def judged(
    courses: Sequence[Course],
    groups: npt.ArrayLike | None,
    share: float,
    at: Sequence[float],
    draws: int,
    seed: int,
) -> Judged:
    """As `verdict`, before intervals; the same runs are drawn for courses of the same events."""
    has_event = np.array([np.isfinite(course.event) for course in courses], dtype=bool)
    _check(courses, has_event, at)
    highest = [np.maximum.accumulate(course.scores) for course in courses]
    maxima = np.array([scores[-1] for scores in highest])
    labels = np.arange(len(courses)) if groups is None else np.asarray(groups)
    thresholds = left_out_thresholds(maxima, has_event, labels, share)
    with_event, without = np.flatnonzero(has_event), np.flatnonzero(~has_event)
    resampled = _resampled(with_event, without, draws, seed)
    drawn = []
    for events, others in resampled:
        chosen = np.full(len(courses), np.inf)
        for label in np.unique(labels[events]):
            chosen[labels == label] = threshold_of(maxima[others[labels[others] != label]], share)
        drawn.append(_warnings(courses, highest, chosen, events))
    found = _warnings(courses, highest, thresholds, with_event)
    table = np.array(drawn).reshape(draws, len(WARNINGS))
    numbers: dict[Hashable, Drawn] = {
        name: Drawn(value, again, len(with_event))
        for name, value, again in zip(WARNINGS, found, table.T, strict=True)
    }
    for one in at:
        values = _at(courses, highest, one)
        kept = int((~np.isnan(values)).sum())
        for name, alike in (("area", None), ("within", labels)):
            again = [_area_of(values, *runs, alike) for runs in resampled]
            value = _area_of(values, with_event, without, alike)
            numbers[name, one] = Drawn(value, np.array(again), kept)
    false = int((maxima > thresholds)[~has_event].sum())
    return Judged(numbers, false, len(without), threshold_of(maxima[~has_event], share))


def area(events: npt.ArrayLike, others: npt.ArrayLike) -> float:
    """The share of pairs, one of each, in which the score of the event's is larger; ties half.

    The area under the ROC (Mann, Whitney 1947); NaN where one of the two is empty.
    """
    one, two = np.asarray(events, dtype=np.float64), np.asarray(others, dtype=np.float64)
    places = np.arange(len(one)), np.arange(len(one), len(one) + len(two))
    return _area_of(np.concatenate([one, two]), *places, None)


def _check(
    courses: Sequence[Course], has_event: Bool[np.ndarray, "runs"], at: Sequence[float]
) -> None:
    if has_event.all() or not has_event.any():
        count = f"{has_event.sum()} of {len(courses)}"
        raise ValueError(f"{count} runs have the event; runs of both kinds are needed")
    if wrong := [one for one in at if not 0 < one <= 1]:
        raise ValueError(f"at has {wrong}; a share of the budget lies within 0 … 1")
    for course in courses:
        if not (len(course.steps) and (np.diff(course.steps) > 0).all()):
            raise ValueError("steps of a course do not rise, or there are none")
        if np.isnan(course.scores).any() or course.scores.shape != course.steps.shape:
            raise ValueError("scores of a course are one number a step: −∞ where there is none")


def _resampled(
    with_event: Int64[np.ndarray, "some"],
    without: Int64[np.ndarray, "others"],
    draws: int,
    seed: int,
) -> list[Runs]:
    """Runs of each kind drawn with replacement, as many as there are."""
    generator = np.random.default_rng(seed)
    return [
        (generator.choice(with_event, len(with_event)), generator.choice(without, len(without)))
        for _ in range(draws)
    ]


def _warnings(
    courses: Sequence[Course],
    highest: Sequence[Float64[np.ndarray, "_"]],
    thresholds: Float64[np.ndarray, "runs"],
    runs: Int64[np.ndarray, "drawn"],
) -> tuple[float, float, float, float]:
    """Shares detected and late of these runs, and the median lead in steps and of the budget."""
    leads, shares, late = [], [], 0
    for run in runs:
        course = courses[run]
        place = int(np.searchsorted(highest[run], thresholds[run], side="right"))
        if place == len(course.steps):
            continue
        lead = course.event - course.steps[place]
        if lead > 0:
            leads.append(lead)
            shares.append(lead / course.budget)
        else:
            late += 1
    middle = (float(np.median(leads)), float(np.median(shares))) if leads else (np.nan, np.nan)
    return (len(leads) / len(runs), late / len(runs), *middle)


def _at(
    courses: Sequence[Course], highest: Sequence[Float64[np.ndarray, "_"]], share: float
) -> Float64[np.ndarray, "runs"]:
    """The largest score up to a share of the budget; NaN where the event came, or none was yet."""
    values = np.full(len(courses), np.nan)
    for run, course in enumerate(courses):
        end = share * course.budget
        seen = int(np.searchsorted(course.steps, end, side="right"))
        if seen and not course.event <= end:
            values[run] = highest[run][seen - 1]
    return values


def _area_of(
    values: Float64[np.ndarray, "runs"],
    events: Int64[np.ndarray, "some"],
    others: Int64[np.ndarray, "others"],
    labels: Shaped[np.ndarray, "runs"] | None,
) -> float:
    """The area of these runs that have a value, over pairs of one label where there are labels."""
    events, others = events[~np.isnan(values[events])], others[~np.isnan(values[others])]
    one, two = values[events][:, None], values[others][None]
    pairs = (one > two) + 0.5 * (one == two)
    if labels is not None:
        pairs = pairs[labels[events][:, None] == labels[others][None]]
    return float(pairs.mean()) if pairs.size else float("nan")
