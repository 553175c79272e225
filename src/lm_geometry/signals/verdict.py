"""How well one signal warns of an event, over runs: alarms, leads, false alarms, areas."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.shapes import Bool, Float64, Int64
from lm_geometry.signals.thresholds import SHARE, Rate, left_out_thresholds, rate, threshold_of

AT = (0.1, 0.2, 0.4)  # shares of the budget
DRAWS, CONFIDENCE = 1000, 0.95

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


class Verdict(NamedTuple):
    """One signal's: each number with its interval.

    - false_alarms: runs without the event that alarm at the threshold of the others
    - detected: runs with the event that alarm before it; late: at its step or after it
    - lead, lead_share: median of event − alarm over detected runs, in steps and of the budget
    - areas: by share of the budget, the area under the ROC of the largest score so far, of runs
      whose event is yet to come against runs without
    - threshold: that of all runs without the event, for runs to come
    """

    false_alarms: Rate
    detected: Estimate
    late: Estimate
    lead: Estimate
    lead_share: Estimate
    areas: Mapping[float, Estimate]
    threshold: float


def verdict(
    courses: Sequence[Course],
    groups: npt.ArrayLike | None = None,
    share: float = SHARE,
    at: Sequence[float] = AT,
    draws: int = DRAWS,
    seed: int = 0,
) -> Verdict:
    """The verdict on one signal from the courses of its scores in all runs.

    Every run is judged at the threshold of runs of other `groups` (each run its own by default).
    The bootstrap draws runs with the event and runs without apart, and chooses thresholds anew.
    Raises ValueError without a run of each kind, for steps that do not rise, and for shares outside
    0 … 1.
    """
    has_event = np.array([np.isfinite(course.event) for course in courses], dtype=bool)
    if has_event.all() or not has_event.any():
        raise ValueError(
            f"{has_event.sum()} of {len(courses)} runs have the event; both are needed"
        )
    if wrong := [one for one in at if not 0 < one <= 1]:
        raise ValueError(f"at has {wrong}; a share of the budget lies within 0 … 1")
    for course in courses:
        if not (len(course.steps) and (np.diff(course.steps) > 0).all()):
            raise ValueError("steps of a course do not rise, or there are none")
    highest = [np.maximum.accumulate(course.scores) for course in courses]
    maxima = np.array([scores[-1] for scores in highest])
    labels = np.arange(len(courses)) if groups is None else np.asarray(groups)
    thresholds = left_out_thresholds(maxima, has_event, labels, share)
    false = int((maxima > thresholds)[~has_event].sum())
    with_event, without = np.flatnonzero(has_event), np.flatnonzero(~has_event)
    resampled = _resampled(with_event, without, draws, seed)
    drawn = []
    for events, others in resampled:
        chosen = np.full(len(courses), np.inf)
        for label in set(labels[events].tolist()):
            chosen[labels == label] = threshold_of(maxima[others[labels[others] != label]], share)
        drawn.append(_warnings(courses, highest, chosen, events))
    found = _warnings(courses, highest, thresholds, with_event)
    detected, late, lead, lead_share = (
        Estimate(value, *_percentiles(np.array(again)), len(with_event))
        for value, again in zip(found, zip(*drawn, strict=True), strict=True)
    )
    areas = {one: _area(courses, highest, one, has_event, resampled) for one in at}
    whole = threshold_of(maxima[~has_event], share)
    false_alarms = rate(false, len(without))
    return Verdict(false_alarms, detected, late, lead, lead_share, areas, whole)


def area(events: npt.ArrayLike, others: npt.ArrayLike) -> float:
    """The share of pairs, one of each, in which the score of the event's is larger; ties half.

    The area under the ROC (Mann, Whitney 1947); NaN where one of the two is empty.
    """
    one, two = np.asarray(events, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if not (one.size and two.size):
        return float("nan")
    above, equal = one[:, None] > two, one[:, None] == two
    return float(above.mean() + equal.mean() / 2)


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


def _area(
    courses: Sequence[Course],
    highest: Sequence[Float64[np.ndarray, "_"]],
    share: float,
    has_event: Bool[np.ndarray, "runs"],
    resampled: Sequence[Runs],
) -> Estimate:
    """Runs whose event is there already, or that were not yet measured, are left out."""
    values = np.full(len(courses), np.nan)
    for run, course in enumerate(courses):
        end = share * course.budget
        seen = int(np.searchsorted(course.steps, end, side="right"))
        if seen and not course.event <= end:
            values[run] = highest[run][seen - 1]
    kept = ~np.isnan(values)
    again = [
        area(values[events[kept[events]]], values[others[kept[others]]])
        for events, others in resampled
    ]
    found = area(values[has_event & kept], values[~has_event & kept])
    return Estimate(found, *_percentiles(np.array(again)), int(kept.sum()))


def _percentiles(drawn: Float64[np.ndarray, "draws"]) -> tuple[float, float]:
    there = drawn[~np.isnan(drawn)]
    if not len(there):
        return float("nan"), float("nan")
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(there, [tail, 1 - tail])
    return float(lower), float(upper)
