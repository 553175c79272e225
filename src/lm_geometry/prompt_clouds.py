"""The point clouds of prompts: all tokens of one prompt at one layer, and how many differ.

Nothing is drawn here, for every token of a prompt belongs to its cloud. What token-sample decides
is which clouds have enough distinct points for what; it tells why the others have not.
"""

from typing import Any

import pandas as pd

from lm_geometry import paths
from lm_geometry.prompt_records import KEYS, PromptCloud, read_arrays, read_index
from lm_geometry.store.tables import read_table, write_table

TABLE = paths.CLOUDS / "prompts.parquet"
COLUMNS = [*KEYS, "layer", "tokens", "points", "missing"]


def write_prompt_clouds() -> None:
    """Write data/clouds/prompts.parquet, a row for each (checkpoint, prompt, shuffle, layer).

    `tokens` are those of the cloud, `points` those that equal no earlier one; `missing` says what
    cannot be measured and why, and is empty where nothing is missing.
    """
    records = read_index()
    rows: list[dict[str, Any]] = []
    for cloud in records.clouds():
        found = read_arrays(cloud, "tokens", "distinct", "missing")
        tokens = int(found["tokens"]) - records.drop_first
        layers = zip(
            records.layers, found["distinct"].tolist(), found["missing"].tolist(), strict=True
        )
        for layer, points, missing in layers:
            own = {"layer": layer, "tokens": tokens, "points": points, "missing": missing}
            rows.append(records.keys(cloud) | own)
    write_table(TABLE, pd.DataFrame(rows, columns=COLUMNS))
    short = sum(row["missing"] != "" for row in rows)
    if short:
        print(f"prompts: something is missing in {short:,} of {len(rows):,} clouds: {TABLE.name}")


def read_prompt_clouds() -> list[PromptCloud]:
    """The prompts whose clouds token-sample listed in its last run."""
    rows = read_table(TABLE, ["checkpoint", "prompt", "shuffle"]).to_dict("list")
    return [PromptCloud(*keys) for keys in dict.fromkeys(zip(*rows.values(), strict=True))]
