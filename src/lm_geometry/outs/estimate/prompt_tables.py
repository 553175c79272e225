"""The tidy tables of token geometry: a row per prompt, shuffle, layer and scale or k."""

from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from lm_geometry.workspace.tables import write_table
from lm_geometry.workspace.tree import WORKSPACE, Tree

GROUPS = ["model", "checkpoint", "corpus", "split"]  # those that a table has tell runs apart
CELLS = ["layer", "next_layer", "scale", "k"]
CLOUD = ["model", "prompt", "shuffle"]
COLUMNS = {
    "dimension": [*CLOUD, "layer", "scale", "value", "standard_error"],
    "overlap": [*CLOUD, "layer", "next_layer", "k", "value"],
    "cosine": [*CLOUD, "layer", "value", "standard_deviation"],
    "angle": [*CLOUD, "layer", "value"],
    "loss": [*CLOUD, "value"],
}
"""Columns that a table has at least; `checkpoint`, `corpus`, `split` and others may be there."""


@dataclass(frozen=True)
class GeometryTables:
    """One table for each quantity; what was not measured has no rows.

    `dimension`: GRIDE at neighbour rank `scale` (the inner neighbour has half of it) and the
    standard error of the estimate. `overlap`: χ_k of `layer` and `next_layer`. `cosine`: mean over
    all pairs of tokens and the standard deviation of single pairs. `angle`: mean angle between a
    token's two nearest neighbours, in degrees. `loss`: mean next-token loss of the (shuffled)
    prompt in nat; further columns, such as `tokens` and `types`, can be held fixed in correlations.
    """

    dimension: pd.DataFrame
    overlap: pd.DataFrame
    cosine: pd.DataFrame
    angle: pd.DataFrame
    loss: pd.DataFrame

    def __post_init__(self) -> None:
        for name, needed in COLUMNS.items():
            missing = set(needed) - set(getattr(self, name).columns)
            if missing:
                raise ValueError(f"the table {name} has no column {sorted(missing)}")

    def write(self, folder: Path) -> None:
        """Write every table as Parquet to `folder`."""
        for field in fields(self):
            write_table(folder / f"{field.name}.parquet", getattr(self, field.name))

    def where(self, **chosen: object) -> "GeometryTables":
        """The rows with these values, such as `where(model="Llama-3-8B", shuffle=0)`."""
        return GeometryTables(
            **{f.name: rows_where(getattr(self, f.name), **chosen) for f in fields(self)}
        )


def read_tables(folder: Path, tree: Tree = WORKSPACE) -> GeometryTables:
    """The tables in a folder; raises ValueError where one lacks a column that it should have."""
    found = {}
    for name, columns in COLUMNS.items():
        tree.read_table(folder / f"{name}.parquet", columns)
        found[name] = tree.read_table(folder / f"{name}.parquet")
    return GeometryTables(**found)


def no_rows(name: str) -> pd.DataFrame:
    """The table of a quantity that was not measured."""
    return pd.DataFrame({column: pd.Series(dtype="float64") for column in COLUMNS[name]})


def rows_where(table: pd.DataFrame, **chosen: object) -> pd.DataFrame:
    """The rows of a table whose columns have these values; a list stands for any of its values."""
    kept = pd.Series(True, index=table.index)
    for column, wanted in chosen.items():
        kept &= table[column].isin(wanted if isinstance(wanted, list) else [wanted])
    return pd.DataFrame(table[kept]).reset_index(drop=True)


def groups_of(table: pd.DataFrame) -> list[str]:
    """The columns of `table` that tell runs apart: model, checkpoint, corpus, split."""
    return [name for name in GROUPS if name in table.columns]


def cells_of(table: pd.DataFrame) -> list[str]:
    """The columns of `table` that tell the values of one prompt apart: layer, scale, k."""
    return [name for name in CELLS if name in table.columns]
