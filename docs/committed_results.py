"""Rows of what git holds of results: the headline, the tables of studies, benchmarks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from lm_geometry import flat_equivalent
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.statistics import Mean, adjusted_p_values
from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.section import read_yaml
from lm_geometry.workspace.tables import Scalar, read_table

ROOT = Path(__file__).resolve().parents[1]
CONFIDENCE = 0.95
OF_A_RUN = ["mean", "lower", "upper", "p_value", "adjusted_p_value"]
Value: TypeAlias = "Scalar | Sequence[Scalar]"  # that is asked for: one, or one of several
Found: TypeAlias = "dict[str, Scalar | list[float]]"  # a row by column, `means` those of its runs


@dataclass(frozen=True)
class CommittedResults:
    """The committed results of the repository at `root`, a row or a value at a time.

    Rows are chosen by `where`: the name of a column, or the last part of a dotted one (`weights` of
    `model.weights`), and its value, or a list of values.
    """

    root: Path = ROOT

    def summary(self, path: str) -> Scalar:
        """The value at a dotted path of metrics/summary.json; KeyError where there is none."""
        return _at(read_json(self.root / "metrics" / "summary.json"), path, "metrics/summary.json")

    def parameter(self, path: str) -> Scalar:
        """The value at a dotted path of params.yaml; KeyError where there is none."""
        return _at(read_yaml(self.root / "params.yaml"), path, "params.yaml")

    def rows(self, study: str, table: str, **where: Value) -> list[Found]:
        """The rows of a study's table; ValueError naming the selection where there are none."""
        found = self._chosen(study, table, where)
        return [dict(zip(found.columns, row, strict=True)) for row in found.to_numpy(object)]

    def result(self, study: str, table: str, **where: Value) -> Found:
        """The one row that is chosen; ValueError naming the selection where there are several."""
        found = self.rows(study, table, **where)
        if len(found) > 1:
            raise ValueError(f"studies/results/{study}, {table}, {where}: {len(found)} rows, not 1")
        return found[0]

    def ran(self, study: str) -> bool:
        """Whether git holds results of a study."""
        return (self.root / "studies" / "results" / study / "README.md").exists()

    def benchmarked(self, name: str) -> bool:
        """Whether git holds what a benchmark wrote."""
        return any((self.root / "benchmarks" / f"{name}.{end}").exists() for end in ("json", "csv"))

    def measured(self, study: str, table: str, estimator: str) -> bool:
        """Whether the study's table has rows of an estimator, or of a signal."""
        return estimator in set(self._table(study, table)["estimator"])

    def readings(self, study: str, table: str = "means") -> list[str]:
        """Which neighbours do not count in the study's estimates, the shown reading first."""
        return list(dict.fromkeys(self._table(study, table)["exclude"]))

    def headline_readings(self) -> list[str]:
        """The same of metrics/summary.json."""
        there = read_json(self.root / "metrics" / "summary.json")
        asked = read_yaml(self.root / "params.yaml")["estimate"]["exclude"]
        return [asked[0], NONE] if "published" in there else [NONE]

    def by_layer(self, study: str, table: str, **where: Value) -> list[Found]:
        """A row per layer: mean, lower, upper, p_value, adjusted_p_value, and each run's `means`.

        Of several runs the interval is Student's t over them, and p values are adjusted over the
        layers (Benjamini-Hochberg); of one run they are those of its table.
        """
        cells = list(self._chosen(study, table, where).groupby("layer"))
        found = [_of_layer(int(str(layer)), cell) for layer, cell in cells]
        if any(len(cell) > 1 for _, cell in cells):
            p_values = adjusted_p_values(np.array([row["p_value"] for row in found], np.float64))
            found = [row | {"adjusted_p_value": p} for row, p in zip(found, p_values, strict=True)]
        return found

    def over_runs(self, study: str, table: str, **where: Value) -> Found:
        """The one layer of `by_layer` that is chosen."""
        found = self.by_layer(study, table, **where)
        if len(found) != 1:
            raise ValueError(f"studies/results/{study}, {table}, {where}: {len(found)} layers")
        return found[0]

    def benchmark(self, name: str, **where: Value) -> list[Found]:
        """The rows of benchmarks/NAME.json, or .csv; ValueError where none is chosen."""
        path = self.root / "benchmarks" / f"{name}.json"
        path = path if path.exists() else path.with_suffix(".csv")
        whole = _read(path) if path.suffix == ".csv" else pd.DataFrame(read_json(path))
        table = _where(whole, where, f"benchmarks/{path.name}")
        return [
            {str(name): value for name, value in row.items()} for row in table.to_dict("records")
        ]

    def flat(self, reading: float, tokens: float) -> Found:
        """The flat-equivalent `dimension` of a mean local TwoNN at L = 128, and its range."""
        found = flat_equivalent(reading, int(tokens), 128)
        return {"mean": found.dimension, "lower": found.lowest, "upper": found.highest}

    def gallery(self, model: str, **where: Value) -> list[Found]:
        """Rows of docs/gallery.json of a model, by layer; ValueError where none is chosen."""
        table = pd.DataFrame(self._gallery()[model]["table"])
        found = _where(table, where, f"docs/gallery.json, {model}").sort_values("layer")
        return [dict(zip(found.columns, row, strict=True)) for row in found.to_numpy(object)]

    def gallery_about(self) -> dict[str, dict[str, str]]:
        """How each model of docs/gallery.json was measured, line by line."""
        return {model: own["about"] for model, own in self._gallery().items()}

    def _gallery(self) -> dict[str, Any]:
        return read_json(self.root / "docs" / "gallery.json")

    def _chosen(self, study: str, table: str, where: Mapping[str, Value]) -> pd.DataFrame:
        return _where(self._table(study, table), where, f"studies/results/{study}, {table}")

    def _table(self, study: str, name: str) -> pd.DataFrame:
        """The table of the study (parquet), or else of a figure (csv, which knows no readings)."""
        folder = self.root / "studies" / "results" / study
        names = [name] if "." in name else [f"{name}.parquet", f"{name}.csv"]
        path = next(
            (folder / each for each in names if (folder / each).exists()), folder / names[-1]
        )
        return _read(path)


@cache
def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    table = read_table(path)
    return table if "exclude" in table else table.assign(exclude=NONE)  # all there was then


def _of_layer(layer: int, runs: pd.DataFrame) -> Found:
    """The one run of a layer, or Student's t over several."""
    means = runs["mean"].to_numpy(np.float64)
    row: Found = {"layer": layer, "runs": len(means), "means": means.tolist()}
    if len(means) == 1:
        return row | {name: float(runs[name].iloc[0]) for name in OF_A_RUN}
    error = float(means.std(ddof=1)) / np.sqrt(len(means))
    mean = Mean(float(means.mean()), error, len(means) - 1.0, len(means), len(means))
    lower, upper = mean.interval(CONFIDENCE)
    return row | {"mean": mean.value, "lower": lower, "upper": upper, "p_value": mean.p_value()}


def _at(tree: object, path: str, name: str) -> Scalar:
    for part in path.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            raise KeyError(f"{name} has no {path}")
        tree = tree[part]
    return tree  # pyright: ignore[reportReturnType] (what the file holds there)


def _where(table: pd.DataFrame, where: Mapping[str, Value], name: str) -> pd.DataFrame:
    chosen = np.ones(len(table), bool)
    for key, value in where.items():
        values = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
        chosen &= _is_one_of(pd.Series(table[_column(table, key, name)]), values)
    if not chosen.any():
        raise ValueError(f"{name}, {dict(where)}: no row")
    return table.loc[chosen]


def _column(table: pd.DataFrame, key: str, name: str) -> str:
    """The column of that name, or the one whose last part it is."""
    if key in table:
        return key
    found = [column for column in table.columns if column.rpartition(".")[2] == key]
    if len(found) != 1:
        raise ValueError(f"{name}: no one column is {key}; there are {', '.join(table.columns)}")
    return found[0]


def _is_one_of(column: pd.Series, values: Sequence[Scalar]) -> np.ndarray:
    """Numbers are compared as numbers, all else as it is written."""
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return column.astype(str).isin([str(value) for value in values]).to_numpy()
    return column.isin([float(value) for value in values if value is not None]).to_numpy()
