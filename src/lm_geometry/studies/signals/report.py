"""What a family's runs told, as a table, a figure and a page in studies/results/signals/FAMILY."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lm_geometry.figures import theme
from lm_geometry.figures.export import render
from lm_geometry.revisions.spreadsheets import inert
from lm_geometry.studies.signals.alarm_shares import (
    ALARMS_SAY,
    LABELS,
    alarm_shares,
    colour,
    records,
)
from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.family import Family
from lm_geometry.studies.signals.judging import JUDGED_BY, TESTS, Found
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.tables import DIGITS
from lm_geometry.workspace.files import whole_file

COLUMNS = {
    "labels": "labels",
    "false_alarms": "false alarms, %",
    "detected": "detected, %",
    "late": "late, %",
    "lead": "lead, steps",
    "area_10": "area at 10 %",
    "area_20": "at 20 %",
    "area_40": "at 40 %",
}
DRAWN = ("area_20", "detected")  # with their intervals
IN_HUNDRED = ("false_alarms", "detected", "late")


def write_report(runs: FamilyRuns, found: Found, folder: Path) -> list[Path]:
    """`verdicts.csv`, `sides.csv`, `published.csv`, `verdicts.svg` and `README.md`, in `folder`."""
    family = family_named(runs.study.family)
    ordered = in_order(found.table)
    tables = {"verdicts": ordered, "sides": found.sides, "published": found.published}
    files = {f"{name}.csv": as_csv(table) for name, table in tables.items()}
    files["verdicts.svg"] = render(figure(family, ordered))["svg"]
    files["README.md"] = page(runs, found, ordered).encode()
    return write_files(files, folder)


def as_csv(table: pd.DataFrame) -> bytes:
    """A table of results as git keeps it."""
    return inert(table).to_csv(index=False, float_format=DIGITS, lineterminator="\n").encode()


def write_files(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write each file whole or not at all; their paths."""
    written = []
    for name, content in files.items():
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(content)
        written.append(folder / name)
    return written


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """By class of labels, within it by the area at 20 %, the largest first."""
    place = {label: i for i, label in enumerate(LABELS)}
    keys = table.assign(_place=table["labels"].map(place.get), _area=-table["area_20"])
    keys = keys.sort_values(["_place", "_area", "signal"], kind="stable")
    return keys.drop(columns=["_place", "_area"]).reset_index(drop=True)


def figure(family: Family, table: pd.DataFrame) -> alt.VConcatChart:
    """Area at 20 % with its interval beside the shares of runs that alarm, a row a signal."""
    ends = ("", "_lower", "_upper")
    shown = ["signal", "false_alarms", *(f"{what}{end}" for what in DRAWN for end in ends)]
    values = records(table.loc[:, [*shown, "labels"]])
    named, bare = (
        alt.Y("signal:N", sort=table["signal"].tolist(), title=None, axis=axis)
        for axis in (alt.Axis(labelLimit=320), None)
    )
    base = alt.Chart(values, width=260, height=17 * len(table)).encode(y=named, color=colour())
    beside = base.encode(y=bare)
    unit = alt.Scale(domain=[0, 1])
    area = alt.X("area_20:Q", title="area under the ROC at 20 % of the budget", scale=unit)
    chance = alt.Chart(values).mark_rule(color=theme.PALE, strokeDash=[3, 3])
    areas = alt.layer(
        chance.encode(x=alt.datum(0.5)),
        base.mark_rule(strokeWidth=1.6).encode(
            x=alt.X("area_20_lower:Q", scale=unit), x2="area_20_upper:Q"
        ),
        base.mark_point(filled=True, size=50, opacity=1).encode(x=area),
    )
    says = [
        "Bars: 95 % intervals, bootstrap over runs; dashed: chance.",
        *ALARMS_SAY,
    ]
    title = alt.Title(f"{family.title}: which signal tells?", subtitle=says, anchor="start")
    return alt.vconcat(alt.hconcat(areas, alarm_shares(beside)), title=title).configure(
        **theme.config()
    )


def page(runs: FamilyRuns, found: Found, ordered: pd.DataFrame) -> str:
    """The family's page: what refutes the claim first, the table, and what is left out."""
    family, first = family_named(runs.study.family), ordered.iloc[0]
    settings = "; ".join(
        f"{name.replace('_', ' ')} {', '.join(f'{value:g}' for value in values)}"
        for name, values in runs.study.settings.items()
    )
    seeds = runs.runs["seed"].nunique()
    seconds = runs.runs.filter(like="seconds_").sum().sum()
    columns = ["signal", *COLUMNS]
    lines = [
        f"# {family.title}",
        "",
        verdict_in_words(family, found),
        "",
        f"{len(runs.runs)} runs: {settings}; {seeds} seeds of each. {first['runs_with']:.0f} have "
        f"the event, {first['runs_without']:.0f} do not; {runs.diverged} diverged and are not "
        f"judged. Budget {family.budget:,} steps, measured every {family.every}; "
        f"{seconds / 3600:.1f} processor hours, signals apart.",
        "",
        f"| {' | '.join(['signal', *COLUMNS.values()])} | refuted by |",
        f"|{'---|' * (len(columns) + 1)}",
        *(_line(row, found) for row in ordered.to_dict("records")),
        "",
        "A signal is refuted by a test where",
        "",
        *(f"{number}. {words}" for number, words in TESTS.items()),
        "",
        *(f"- Left out: {reason}." for reason in found.left_out),
        "",
        "![which signal tells](verdicts.svg)",
        "",
        "`verdicts.csv` has every interval, the areas within settings, what leaving out the judged "
        "run alone gives, and costs; `sides.csv` one-sided scores; `published.csv` the thresholds "
        "that sources give; `runs.csv` and `steps.csv` what all of it is computed from. "
        "[The protocol](../../../../docs/signals-protocol.md).",
    ]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def verdict_in_words(family: Family, found: Found) -> str:
    """The first sentence: whether the mean local dimension tells of the event."""
    what = f"that a model {family.happens}"
    if JUDGED_BY not in found.refuted:
        return f"The mean local dimension was not read in every run: nothing is said of {what}."
    wrong = found.refuted[JUDGED_BY]
    if not wrong:
        return f"**The mean local dimension tells {what}: none of the four tests refutes it.**"
    reasons = "; ".join(f"{TESTS[number]} (test {number})" for number in wrong)
    return f"**The mean local dimension does not tell {what}: {reasons}.**"


def _line(row: Mapping[Hashable, Any], found: Found) -> str:
    cells = [f"`{row['signal']}`" if row["labels"] else str(row["signal"]), LABELS[row["labels"]]]
    cells += [cell(row, name) for name in list(COLUMNS)[1:]]
    cells.append(refuted_by(found, row["signal"]))
    return f"| {' | '.join(cells)} |"


def cell(row: Mapping[Hashable, Any], name: str) -> str:
    """A number of a row with its interval, in hundredths where it is a share of runs."""
    factor, digits = (100, 0) if name in IN_HUNDRED else (1, 0 if name == "lead" else 2)
    numbers = [factor * row[f"{name}{end}"] for end in ("", "_lower", "_upper")]
    value, lower, upper = (f"{n:.{digits}f}" if np.isfinite(n) else "–" for n in numbers)
    return f"{value} [{lower}, {upper}]"


def refuted_by(found: Found, name: str) -> str:
    """The numbers of the tests that refute a signal, or none; empty of a combination."""
    refuted = found.refuted.get(name)
    return "" if refuted is None else ", ".join(map(str, refuted)) or "none"
