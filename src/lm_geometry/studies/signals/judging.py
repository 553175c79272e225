"""What each signal told in the runs of a family: the protocol's table, and its four tests."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lm_geometry.signals import Course, signal_named
from lm_geometry.signals.judged import WARNINGS, Drawn, Estimate, Judged, judged
from lm_geometry.signals.thresholds import SHARE, rate
from lm_geometry.signals.verdict import AT, DRAWS
from lm_geometry.studies.signals.courses import ALONE, LOGGED, OURS, FamilyRuns

JUDGED_BY = "local_dimension"  # the claim's signal
RIVALS = ("training_loss", "training_loss_slope", "weight_norm")
MOST_FALSE = 0.1
TESTS = {
    1: "it detects no more than it lies",
    2: "the settings alone tell as much",
    3: "what is logged anyway detects as many as early",
    4: "no threshold of other settings holds",
}


@dataclass(frozen=True)
class Found:
    """All that is judged of a family: `table` has a row for each signal and each combination.

    `sides` are the one-sided scores, `published` the thresholds that sources give; `refuted` has
    for each signal the numbers of the tests that refute it; `verdicts` are those that the rows of
    `table` tell, with every draw.
    """

    table: pd.DataFrame
    sides: pd.DataFrame
    published: pd.DataFrame
    refuted: Mapping[str, list[int]]
    verdicts: Mapping[str, Judged]
    left_out: list[str]


def judge(runs: FamilyRuns, chosen: Sequence[str] = (), draws: int = DRAWS, seed: int = 0) -> Found:
    """The verdict on every signal of a family, on the settings alone, and on combinations.

    `chosen` are the three signals to join that the other families name; without them that
    combination is left out. Intervals are 95 %, of `draws` draws of runs.
    """

    def of(courses: list[Course], again: int = draws, alike: bool = True) -> Judged:
        return judged(courses, runs.groups if alike else None, SHARE, AT, again, seed)

    verdicts = {signal.name: of(runs.courses(signal.name)) for signal in runs.signals}
    left_out = [] if chosen else [f"{OURS}: the other two families name them, and are not whole"]
    joined: dict[str, list[Course]] = {}
    for title, names in ((OURS, chosen), (" + ".join(LOGGED), LOGGED)):
        try:
            joined |= {title: runs.joined(names)} if names else {}
        except ValueError as error:
            left_out.append(f"{title}: {error}")
    try:
        alone = of(runs.alone())
    except ValueError as error:
        alone, _ = None, left_out.append(f"{ALONE}: {error}")
    others = {title: of(courses) for title, courses in joined.items()}
    others |= {ALONE: alone} if alone else {}
    rows = [
        _row(name, verdict, runs.cost_of(name))
        | {"labels": signal_named(name).labels}
        | _by_run_alone(of(runs.courses(name), 0, alike=False))
        for name, verdict in verdicts.items()
    ]
    rows += [_row(title, verdict, np.nan) for title, verdict in others.items()]
    refuted = {name: refutations(verdicts, name, alone) for name in verdicts}
    sides = [
        {"side": side} | _row(name, of(runs.courses(name, side)), np.nan)
        for name in verdicts
        if signal_named(name).rule == "cusum"
        for side in ("rise", "fall")
    ]
    published = [
        _published(runs, name) for name in verdicts if signal_named(name).published is not None
    ]
    tables = pd.DataFrame(rows), pd.DataFrame(sides), pd.DataFrame(published)
    return Found(*tables, refuted, verdicts | others, left_out)


def refutations(verdicts: Mapping[str, Judged], name: str, alone: Judged | None) -> list[int]:
    """The numbers of the protocol's tests that refute a signal in a family.

    The second only where its area exceeds that of the settings at neither 20 nor 40 %; the third
    where for one of the rivals both intervals reach down to 0.
    """
    one = verdicts[name]
    false = rate(one.false_alarms, one.without_event).value
    found = []
    if one.numbers["detected"].estimate().lower <= false:
        found.append(1)
    if alone and not any(_above(one, alone, ("area", at)) for at in (0.2, 0.4)):
        found.append(2)
    rivals = [verdicts[rival] for rival in RIVALS if rival in verdicts and rival != name]
    if any(not (_above(one, r, "detected") or _above(one, r, "lead")) for r in rivals):
        found.append(3)
    if false > MOST_FALSE:
        found.append(4)
    return found


def difference_of(one: Judged, other: Judged, number: Hashable) -> Estimate:
    """One's number minus the other's, of the same draws of runs."""
    mine, its = one.numbers[number], other.numbers[number]
    return Drawn(mine.value - its.value, mine.again - its.again, mine.runs).estimate()


def _above(one: Judged, other: Judged, number: Hashable) -> bool:
    return difference_of(one, other, number).lower > 0


def _row(name: str, found: Judged, seconds: float) -> dict[str, object]:
    """The numbers of one signal, each with the ends of its interval."""
    false = rate(found.false_alarms, found.without_event)
    row: dict[str, object] = {"signal": name, "labels": ""}
    numbers = {"false_alarms": false, **{n: found.numbers[n].estimate() for n in WARNINGS}}
    for at in AT:
        numbers[f"area_{round(100 * at)}"] = found.numbers["area", at].estimate()
        numbers[f"area_{round(100 * at)}_within"] = found.numbers["within", at].estimate()
    for what, number in numbers.items():
        row |= {what: number.value, f"{what}_lower": number.lower, f"{what}_upper": number.upper}
    runs = {f"runs_{round(100 * at)}": found.numbers["area", at].runs for at in AT}
    with_event = found.numbers["detected"].runs
    row |= {"runs_with": with_event, "runs_without": found.without_event, **runs}
    return row | {"threshold": found.threshold, "share_of_training": seconds}


def _by_run_alone(found: Judged) -> dict[str, float]:
    """False alarms and detection where only the judged run itself is left out."""
    return {
        "false_alarms_by_run": rate(found.false_alarms, found.without_event).value,
        "detected_by_run": found.numbers["detected"].value,
    }


def _published(runs: FamilyRuns, name: str) -> dict[str, object]:
    """What a published threshold of the level does: shares of runs that alarm."""
    threshold = signal_named(name).published
    assert threshold is not None
    detected = false = with_event = 0
    for course in runs.courses(name, rule="level"):
        event = bool(np.isfinite(course.event))
        before = course.scores[~(course.steps >= course.event)]
        alarm = bool((before > threshold).any())
        with_event, detected = with_event + event, detected + (alarm and event)
        false += alarm and not event
    told = {"signal": name, "threshold": threshold}
    for what, number in (
        ("detected", rate(detected, with_event)),
        ("false_alarms", rate(false, len(runs.runs) - with_event)),
    ):
        told |= {what: number.value, f"{what}_lower": number.lower, f"{what}_upper": number.upper}
    return told


def three_for(family: str, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The three signals without labels of the largest area at 20 % in the other families' tables.

    The mean over the others counts, of signals that all of them have; none without two others.
    """
    others = [table for name, table in tables.items() if name != family]
    if len(others) < 2:
        return []
    unlabelled = [table[table["labels"] == "none"].set_index("signal") for table in others]
    areas = pd.concat([table["area_20"] for table in unlabelled], axis=1, join="inner")
    means = areas.mean(axis=1, skipna=False).dropna()
    ordered = means.sort_values(ascending=False, kind="stable")
    return [str(name) for name in ordered.index[:3]]
