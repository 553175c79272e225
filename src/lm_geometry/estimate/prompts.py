"""Every quantity of every prompt, from the radii and neighbours that embed kept."""

from collections import defaultdict

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
from lm_geometry.outs.token_sample.prompts import read_prompt_clouds
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row, write_table


def estimate_prompts() -> None:
    """Write data/estimates/prompts: the tidy tables of `token_geometry`, and of reciprocity.

    Missing values stay in, as NaN; data/clouds/prompts.parquet says why. Without prompts each table
    is written with its columns.
    """
    records = read_index()
    parts: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for cloud in progress(read_prompt_clouds(), "estimate prompts"):
        for name, table in _tables(cloud, records).items():
            parts[name].append(table)
    for name, columns in TABLES.items():
        there = parts[name]
        table = pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=columns)
        write_table(FOLDER / f"{name}.parquet", _typed(table))
    write_index(records, INDEX)


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
