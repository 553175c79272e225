"""The point clouds of prompts: all tokens of one prompt at one layer, and how many differ.

Nothing is drawn here, for every token of a prompt belongs to its cloud. What token-sample decides
is which clouds have enough distinct points for what; it tells why the others have not.
"""

import pandas as pd

from lm_geometry.outs.embed.prompts import read_arrays, read_index
from lm_geometry.outs.token_sample.prompts import COLUMNS, TABLE
from lm_geometry.workspace.tables import Row, write_table


def write_prompt_clouds() -> None:
    """Write data/clouds/prompts.parquet, a row for each (checkpoint, prompt, shuffle, layer).

    `tokens` are those of the cloud, `points` those that equal no earlier one; `missing` says what
    cannot be measured and why, and is empty where nothing is missing.
    """
    records = read_index()
    rows: list[Row] = []
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
