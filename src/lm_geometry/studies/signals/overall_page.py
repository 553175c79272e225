"""The overall page, which a practitioner understands in a minute; every sentence is computed."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.signals.declaration import Labels
from lm_geometry.studies.signals.alarm_shares import LABELS
from lm_geometry.studies.signals.callback_rule import CallbackRule, LeftOut, rule_in_words, words
from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.judged_families import JudgedFamilies
from lm_geometry.studies.signals.judging import JUDGED_BY, TESTS, Found
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.report import cell
from lm_geometry.studies.signals.watching import detects_more, watched

CLASSES: tuple[Labels, ...] = ("none", "training", "held_out")
NAMED = 4  # of signals that are as good
COLUMNS = {
    "false_alarms": "lies, %",
    "detected": "tells before, %",
    "lead": "lead, steps",
    "area_20": "area at 20 %",
    "area_40": "at 40 %",
}


def page(
    families: JudgedFamilies, table: pd.DataFrame, rule: CallbackRule | LeftOut, exhaustion: str
) -> str:
    """The page, whose first sentence is on the mean local dimension.

    `table` has the rows that are shown; `exhaustion` what is told of runs without rates.
    """
    parts = [
        "# Which signal tells, and how often does it lie?",
        first_sentence(families),
        "Computed by `lm-geometry study signals/NAME` from the runs of each family; do not edit. "
        "*Lies*: share of the runs without the event that alarm. *Tells*: share of the runs with "
        "it that alarm before. Thresholds are those of runs of other settings, chosen for 5 % of "
        "lies; intervals are 95 %.",
        "\n".join(_what_to_watch(families)),
        "\n".join(_table(table)),
        _tests_in_words() if families.found else "",
        "![which signal tells](overall.svg)" if families.found else "",
        "## What it costs",
        costs_in_words(families),
        "## What follows for the callback",
        rule_in_words(rule),
        "## Exhaustion",
        exhaustion,
        "All numbers: `overall.csv`, and the tables of the families. How they come about was "
        "written before the runs: [the protocol](../../../docs/signals-protocol.md).",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def first_sentence(families: JudgedFamilies) -> str:
    """Where the mean local dimension does not lead, and where it stands."""
    if not families.found:
        return (
            "**Not run yet: no family is whole, and nothing is said of the mean local dimension.**"
        )
    falls, stands, unread = [], [], []
    for name, found in families.found.items():
        what = f"that a model {family_named(name).happens}"
        wrong = found.refuted.get(JUDGED_BY)
        if wrong is None:
            unread.append(words(name))
        elif wrong:
            reasons = ", ".join(TESTS[number] for number in wrong)
            falls.append(f"{what} ({words(name)}: {reasons})")
        else:
            stands.append(f"{what} ({words(name)}: no test refutes it{_outdone(found)})")
    parts = [f"does not tell {'; nor '.join(falls)}"] if falls else []
    parts += [f"tells {'; and '.join(stands)}"] if stands else []
    parts += [f"was not read in every run of {' and '.join(unread)}"] if unread else []
    return f"**The mean local dimension {'; it '.join(parts)}.**"


def _outdone(found: Found) -> str:
    """Whether a signal of the same class detects more events."""
    others = [name for name in watched(found, "none").signals if name != JUDGED_BY]
    better = [f"`{name}`" for name in others if detects_more(found, name, JUDGED_BY)]
    return f", but {', '.join(better)} detects more" if better else ""


def _what_to_watch(families: JudgedFamilies) -> Iterator[str]:
    """For each family a line, and one for each class of labels; of others what is missing."""
    for name in families.names:
        family = family_named(name)
        if name not in families.found:
            missing = families.missing[name].removeprefix(f"{name}: ")
            yield f"- **{family.title}**: not whole yet: {missing}."
            continue
        found = families.found[name]
        first = found.table.iloc[0]
        yield (
            f"- **[{family.title}]({name}/README.md)**, {first['runs_with']:.0f} runs in which "
            f"the model {family.happens}, {first['runs_without']:.0f} in which not"
        )
        yield from (f"  - {LABELS[labels]}: {_watch(found, labels)}" for labels in CLASSES)


def _watch(found: Found, labels: Labels) -> str:
    """Which signal of a class to watch, and what it does."""
    best = watched(found, labels)
    if not best.signals:
        return "nothing to watch: none detects more than it lies, at a threshold that holds."
    rows = {row["signal"]: row for row in found.table.to_dict("records")}
    name = best.signals[0]
    row = rows[name]
    does = (
        f"tells {cell(row, 'detected')} % before, by {cell(row, 'lead')} steps, and lies in "
        f"{cell(row, 'false_alarms')} %"
    )
    if best.passes:
        text = f"watch `{name}`: it {does}; no test refutes it."
    else:
        tests = ", ".join(map(str, found.refuted[name]))
        text = f"every signal is refuted; `{name}` {does}, refuted by {tests}."
    if not best.alike:
        return text
    same = [f"`{one}`" for one in best.alike[:NAMED]]
    if len(best.alike) > NAMED:
        same.append(f"{len(best.alike) - NAMED} more")
    return f"{text} Within the error as good: {', '.join(same)}."


def _table(table: pd.DataFrame) -> Iterator[str]:
    """The rows that are shown of each family."""
    if table.empty:
        return
    titles = ["family", "signal", "labels", *COLUMNS.values(), "cost, %", "refuted by"]
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in table.to_dict("records"):
        yield f"| {' | '.join(_cells(row))} |"


def _cells(row: Mapping[Hashable, Any]) -> list[str]:
    name = f"`{row['signal']}`" if row["labels"] else str(row["signal"])
    cost = row["share_of_training"]
    told = f"{100 * cost:.1f}" if np.isfinite(cost) else "–"
    numbers = [cell(row, column) for column in COLUMNS]
    return [words(row["family"]), name, LABELS[row["labels"]], *numbers, told, row["refuted_by"]]


def _tests_in_words() -> str:
    each = (f"{number}, {text}" for number, text in TESTS.items())
    return f"A signal is refuted by a test where: {'; '.join(each)}."


def costs_in_words(families: JudgedFamilies) -> str:
    """What reading a signal takes of a training, and what all that was observed took."""
    if not families.runs:
        return "Not measured yet."
    each = ", ".join(f"{words(n)} {_observing(runs)}" for n, runs in families.runs.items())
    return (
        "*Cost* is what all readings of a signal in a run took, in % of the processor seconds of "
        "its training, with the graph of neighbours where it takes one. The forward pass of the "
        "probe, losses and gradients of examples, which all signals share, come on top, in % of "
        f"training: {each}. These models are small: of a larger one a signal of states costs as "
        "much, and its training more."
    )


def _observing(runs: FamilyRuns) -> str:
    seconds = [runs.runs[f"seconds_{what}"].sum() for what in ("observing", "training")]
    return f"{100 * seconds[0] / seconds[1]:.0f}"
