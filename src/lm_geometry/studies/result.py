"""What a run found, in the text with which `make repro`, `lm-geometry run` and studies end.

The headline (a number, its interval, what it is conditional on), a table of at most twelve lines,
where the figures are, and what to type next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lm_geometry.aggregate.described import ESTIMATORS, label, reading
from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.studies.numbers.collection import Collected

LINES = 12  # of the table, its head among them
CELL = ("corpus", "split", "layer")
FIRST = ("difference_of_differences.svg", "dimension_by_layer.svg")  # of the figures that are named


@dataclass(frozen=True)
class Found:
    """One number of a run: what it is of, and its interval."""

    of: str
    mean: float
    lower: float
    upper: float

    @property
    def told(self) -> str:
        """`−0.70 [−1.61, 0.20]`."""
        return f"{_number(self.mean)} {_interval(self.lower, self.upper)}"


def result_of_run(one: Collected, figures: Sequence[str], following: Sequence[str]) -> str:
    """The result of one run; `figures` are paths, `following` the commands to go on with."""
    found = list(_headline(one)) if len(one.tables["means"]) else []
    if not found:
        nothing = "no corpus was compared: data_prep.evaluate names none"
        return text([nothing], pd.DataFrame(), figures, following)
    lines = [f"{one_found.of}: {one_found.told}" for one_found in found]
    return text([*lines, given(one)], _by_layer(one), figures, following)


def result_of_study(
    question: str, collected: Sequence[Collected], figures: Sequence[str], following: Sequence[str]
) -> str:
    """The result of a study: the same, with a row for each number of each experiment."""
    rows = [
        {"experiment": one.experiment.name, "of": found.of, "result": found.told}
        for one in collected
        if len(one.tables["means"])
        for found in _headline(one)
    ]
    lines = [question]
    if rows:
        first = collected[0]
        lines += [f"{rows[0]['of']}: {rows[0]['result']}  ({first.experiment.name})", given(first)]
    return text(lines, _cut(pd.DataFrame(rows)), figures, following)


def text(
    headline: Sequence[str],
    table: pd.DataFrame,
    figures: Sequence[str],
    following: Sequence[str],
) -> str:
    """The parts of a result below each other, the first line of the headline foremost."""
    parts = ["\n".join([headline[0], *(f"  {line}" for line in headline[1:])])]
    if len(table):
        parts.append(table.to_string(index=False))
    ends = {"figures": figures, "next": following}
    told = [
        f"{name if not at else '':<9}{line}"
        for name, lines in ends.items()
        for at, line in enumerate(lines)
    ]
    return "\n\n".join([*parts, "\n".join(told)]).rstrip()


def given(one: Collected) -> str:
    """What the numbers of a run are conditional on: model, layer, estimator, N, L, what repeats."""
    means = one.shown(one.tables["means"])
    estimator = ESTIMATORS.get(one.estimator, one.estimator)
    rule = f", CDF {one.params.estimate.cdf}" if one.estimator == "twonn" else ""
    over = "documents" if means["clouds"].max() == 1 else "documents and clouds"
    end = "" if one.checkpoint == BASE else ", given this training run"
    parts = [
        label(one.model),
        f"layer {one.layer}",
        f"local {estimator}{rule}",
        f"N = {int(means['points'].max()):,} tokens",
        f"L = {one.n_neighbors:g}",
        reading(one.exclude),
        f"{one.params.aggregate.confidence:.0%} intervals over {over}{end}",
    ]
    return f"given {' · '.join(parts)}"


def figures_in(folder: Path, shown: str, named: int = 3) -> list[str]:
    """Where the figures of `folder` are, which is shown as `shown`; some of them by name."""
    there = sorted(path.name for path in folder.glob("*.svg"))
    ordered = [name for name in FIRST if name in there]
    ordered += [name for name in there if name not in ordered]
    told = [f"{shown}/{name}" for name in ordered[:named]]
    more = len(there) - len(told)
    return [*told, f"and {more} more in {shown}"] if more > 0 else told


def _headline(one: Collected) -> Iterator[Found]:
    """The differences of differences, or else the changes, or else the means, of the shown cell."""
    differences = _cell(one, "differences")
    for _, row in differences.iterrows():
        what = f"difference of differences, {row['corpus']} less {row['control']}"
        yield _found(what, row)
    if len(differences):
        return
    table = "changes" if len(_cell(one, "changes")) else "means"
    what = "change of the mean local dimension" if table == "changes" else "mean local dimension"
    for _, row in _cell(one, table).iterrows():
        yield _found(f"{what}, {row['corpus']}", row)


def _cell(one: Collected, table: str) -> pd.DataFrame:
    """The rows of the shown layer and checkpoint, of the first split."""
    rows = one.shown(one.tables[table])
    rows = rows_where(rows, layer=one.layer, checkpoint=one.checkpoint)
    return rows_where(rows, split=list(rows["split"])[:1])


def _by_layer(one: Collected) -> pd.DataFrame:
    """By corpus and layer: base, the shown checkpoint, and the change with its interval."""
    means, changes = (one.shown(one.tables[name]) for name in ("means", "changes"))
    keys = list(CELL)
    base = rows_where(means, checkpoint=BASE).set_index(keys)
    later = rows_where(means, checkpoint=one.checkpoint).set_index(keys)["mean"]
    changed = rows_where(changes, checkpoint=one.checkpoint).set_index(keys)
    rows = []
    for key in _layers_told(list(base.index), one.layer):
        row = dict(zip(keys, key, strict=True))
        row["base" if len(changed) else "dimension"] = _number(base.loc[key, "mean"])
        told, name = base.loc[key], "interval"
        if len(changed):
            row[one.checkpoint] = _number(later.get(key, float("nan")))
            told = changed.loc[key] if key in changed.index else None
            row["change"] = "–" if told is None else _number(told["mean"])
        row[name] = "–" if told is None else _interval(told["lower"], told["upper"])
        rows.append(row)
    return _cut(pd.DataFrame(rows))


def _layers_told(keys: list[tuple[str, str, int]], shown: int) -> list[tuple[str, str, int]]:
    """Of each corpus so many layers, the shown one among them, that the table has its lines."""
    corpora = list(dict.fromkeys(key[:2] for key in keys))
    layers = sorted({key[2] for key in keys})
    room = max(1, (LINES - 1) // max(1, len(corpora)))
    chosen = {shown}
    if room >= len(layers):
        chosen = set(layers)
    else:
        ordered = [layers[round(at * (len(layers) - 1) / max(1, room - 1))] for at in range(room)]
        chosen |= set(ordered[: room - 1] if shown not in ordered else ordered)
    return [(*corpus, layer) for corpus in corpora for layer in layers if layer in chosen]


def _cut(table: pd.DataFrame) -> pd.DataFrame:
    """The first lines of a table, without a split that all rows share."""
    if "split" in table and table["split"].nunique() == 1:
        table = table.drop(columns="split")
    return table.head(LINES - 1)


def _found(what: str, row: "pd.Series[float]") -> Found:
    return Found(what, float(row["mean"]), float(row["lower"]), float(row["upper"]))


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _interval(lower: float, upper: float) -> str:
    return f"[{_number(lower)}, {_number(upper)}]"
