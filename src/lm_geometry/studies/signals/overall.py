"""All families side by side, in studies/results/signals: which signal to watch for which event."""

from pathlib import Path

import pandas as pd

from lm_geometry.figures.export import render
from lm_geometry.signals.declaration import Labels
from lm_geometry.studies.signals.callback_rule import callback_rule
from lm_geometry.studies.signals.judged_families import JudgedFamilies
from lm_geometry.studies.signals.judging import JUDGED_BY, Found
from lm_geometry.studies.signals.overall_figure import figure
from lm_geometry.studies.signals.overall_page import page
from lm_geometry.studies.signals.report import as_csv, refuted_by, write_files
from lm_geometry.studies.signals.watching import watched

BEST: dict[Labels, int] = {"none": 2, "training": 1, "held_out": 1}  # shown of each class
ALWAYS = (JUDGED_BY, "training_loss", "weight_norm")


def write_overall(families: JudgedFamilies, exhaustion: str, folder: Path) -> list[Path]:
    """`overall.csv`, `overall.svg` where a family is whole, and `README.md`, in `folder`.

    `exhaustion` is what the page says of the runs that have no rates.
    """
    table = few_of_each(families)
    files = {"overall.csv": as_csv(table)}
    if families.found:
        files["overall.svg"] = render(figure(table))["svg"]
    rule = callback_rule(families.names, families.found)
    files["README.md"] = page(families, table, rule, exhaustion).encode()
    return write_files(files, folder)


def few(found: Found) -> list[str]:
    """The rows that are shown of a family: the best of each class, what everybody logs, the rest.

    The rest are the settings alone and the combinations.
    """
    best = [name for labels, n in BEST.items() for name in watched(found, labels).signals[:n]]
    joined = found.table.loc[found.table["labels"] == "", "signal"].tolist()
    there = set(found.table["signal"])
    return [name for name in dict.fromkeys([*best, *ALWAYS, *joined]) if name in there]


def few_of_each(families: JudgedFamilies) -> pd.DataFrame:
    """Those rows of every family's table, with the tests that refute them as `refuted_by`."""
    parts = []
    for name in families.names:
        if found := families.found.get(name):
            rows = found.table.set_index("signal").loc[few(found)].reset_index()
            rows.insert(0, "family", name)
            parts.append(rows.assign(refuted_by=[refuted_by(found, s) for s in rows["signal"]]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"family": []})
