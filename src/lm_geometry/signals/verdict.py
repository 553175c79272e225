"""How well one signal warns of an event, over runs; and by how much better than another."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_geometry.signals.judged import WARNINGS, Course, Drawn, Estimate, judged
from lm_geometry.signals.thresholds import SHARE, Rate, rate

__all__ = ["Course", "Difference", "Estimate", "Verdict", "difference", "verdict"]

AT = (0.1, 0.2, 0.4)  # shares of the budget
DRAWS = 1000


class Verdict(NamedTuple):
    """One signal's: each number with its interval.

    - false_alarms: runs without the event that alarm at the threshold of the others
    - detected: runs with the event that alarm before it; late: at its step or after it
    - lead, lead_share: median of event − alarm over detected runs, in steps and of the budget
    - areas: by share of the budget, the area under the ROC of the largest score so far, of runs
      whose event is yet to come against runs without; areas_within: over pairs of one group alone
    - threshold: that of all runs without the event, for runs to come
    """

    false_alarms: Rate
    detected: Estimate
    late: Estimate
    lead: Estimate
    lead_share: Estimate
    areas: Mapping[float, Estimate]
    areas_within: Mapping[float, Estimate]
    threshold: float


class Difference(NamedTuple):
    """One signal's numbers minus another's, as in `Verdict`; of the same draws of runs."""

    detected: Estimate
    late: Estimate
    lead: Estimate
    lead_share: Estimate
    areas: Mapping[float, Estimate]
    areas_within: Mapping[float, Estimate]


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
    Raises ValueError without a run of each kind, for steps that do not rise, for scores that are
    NaN, and for shares outside 0 … 1.
    """
    found = judged(courses, groups, share, at, draws, seed)
    false_alarms = rate(found.false_alarms, found.without_event)
    return Verdict(false_alarms, *_told(found.numbers, at), found.threshold)


def difference(
    one: Sequence[Course],
    other: Sequence[Course],
    groups: npt.ArrayLike | None = None,
    share: float = SHARE,
    at: Sequence[float] = AT,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference:
    """By how much more `one` detects, leads and tells apart than `other`, of the same runs.

    The intervals are those of differences: each draw of runs judges both. Raises ValueError as
    `verdict`, and where the two have other events: their runs stand in one order.
    """
    events = [[course.event for course in courses] for courses in (one, other)]
    if not np.array_equal(*events, equal_nan=True):
        raise ValueError("one and other have different events: are their runs in one order?")
    mine, its = (judged(each, groups, share, at, draws, seed).numbers for each in (one, other))
    found = {
        name: Drawn(number.value - its[name].value, number.again - its[name].again, number.runs)
        for name, number in mine.items()
    }
    return _told(found, at)


def _told(numbers: Mapping[Hashable, Drawn], at: Sequence[float]) -> Difference:
    """The numbers with their intervals."""
    detected, late, lead, lead_share = (numbers[name].estimate() for name in WARNINGS)
    areas, within = (
        {one: numbers[kind, one].estimate() for one in at} for kind in ("area", "within")
    )
    return Difference(detected, late, lead, lead_share, areas, within)
