"""Every quantity of every prompt, from the radii and neighbours that embed kept."""

from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from lm_geometry.estimate import prompt_numbers
from lm_geometry.estimate.prompt_rows import measured_tables
from lm_geometry.outs.embed.prompts import (
    KEYS,
    PromptCloud,
    PromptRecord,
    PromptRecords,
    read_index,
    read_record,
    write_index,
)
from lm_geometry.outs.estimate.prompts import FOLDER, INDEX, RECIPROCITY, TABLES
from lm_geometry.outs.token_sample.prompts import TABLE, read_prompt_clouds
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.inputs import input_hash
from lm_geometry.workspace.paths import PROMPT_NEIGHBOURS
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row, read_table, write_table
from lm_geometry.workspace.work import Cell, Execute, finish, in_order

PROMPTS_OF_A_CELL = 64


def estimate_prompts(execute: Execute = in_order) -> None:
    """Write data/estimates/prompts: the tidy tables of `token_geometry`, and of reciprocity.

    Missing values stay in, as NaN; data/clouds/prompts.parquet says why. Without prompts each table
    is written with its columns.
    """
    finish("estimate", [PromptEstimates()], execute)


class PromptEstimates:
    """The tables of every prompt, of which a cell has those of some that follow each other."""

    tells = False
    gpus: Literal["none"] = "none"
    memory_on_a_core = 1 << 28  # tables of so many records and no more

    def __init__(self) -> None:
        self.records = read_index()
        inputs = {"prompts": input_hash(PROMPT_NEIGHBOURS), "clouds": input_hash(TABLE)}
        self.within = Cells("estimate", inputs)
        clouds, step = read_prompt_clouds(), PROMPTS_OF_A_CELL
        parts = [clouds[start : start + step] for start in range(0, len(clouds), step)]
        self.clouds = {f"prompts/{number:05d}": part for number, part in enumerate(parts)}

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell, in the order of the prompts."""
        parts = self.clouds.items()
        return [Cell(name, "estimate prompts", 1, self.within, (name,)) for name, part in parts]

    def opened(self, group: str) -> Callable[[Cell], None]:
        """Reads the tables of a cell from the records of its prompts."""
        return self._keep

    def _keep(self, cell: Cell) -> None:
        parts: dict[str, list[pd.DataFrame]] = defaultdict(list)
        for cloud in progress(self.clouds[cell.name], cell.name):
            for name, table in _tables(cloud, self.records).items():
                parts[name].append(table)
        for name, tables in parts.items():
            table = _typed(pd.concat(tables, ignore_index=True))
            write_table(cell.within.path(cell.name, f"{name}.parquet"), table)
        cell.within.finish(cell.name)

    def ended(self, group: str) -> None:
        """Nothing was loaded."""

    def gather(self) -> None:
        """Write data/estimates/prompts."""
        for name, columns in TABLES.items():
            files = [self.within.path(cell, f"{name}.parquet") for cell in self.clouds]
            there = [read_table(file) for file in files]
            table = pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=columns)
            write_table(FOLDER / f"{name}.parquet", _typed(table))
        write_index(self.records, INDEX)
        self.within.published()


def _tables(cloud: PromptCloud, records: PromptRecords) -> dict[str, pd.DataFrame]:
    record = read_record(cloud)
    keys = records.keys(cloud)
    loss = {"value": record.loss, "tokens": record.tokens, "types": record.types}
    measured = measured_tables([(keys, record.geometry, loss)], records.layers)
    return vars(measured) | {"reciprocity": _reciprocity(keys, record, records.layers)}


def _reciprocity(keys: Row, record: PromptRecord, layers: list[int]) -> pd.DataFrame:
    shares = prompt_numbers.reciprocity(record.geometry)
    sizes = np.arange(1, shares.shape[1] + 1)
    cells = {"layer": np.repeat(layers, len(sizes)), "k": np.tile(sizes, len(layers))}
    return pd.DataFrame(keys | cells | {"value": shares.ravel()}, columns=RECIPROCITY)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the same types whether or not it has rows."""
    words = {name for name in KEYS[:4] if name in table.columns}
    whole = {"prompt", "shuffle", "layer", "next_layer", "k", "scale", "tokens", "types"}
    kinds = {
        name: "str" if name in words else "int64" if name in whole else "float64"
        for name in table.columns
    }
    return table.astype(kinds)
