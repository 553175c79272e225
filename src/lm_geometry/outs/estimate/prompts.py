"""What the estimate stage wrote of prompts, for the stages that read it."""

import pandas as pd

from lm_geometry.outs.embed.prompts import KEYS, PromptRecords, read_index
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, read_tables
from lm_geometry.workspace import paths
from lm_geometry.workspace.tables import read_table

FOLDER = paths.ESTIMATES / "prompts"
INDEX = FOLDER / "index.json"
RECIPROCITY = [*KEYS, "layer", "k", "value"]
TABLES = {
    "dimension": [*KEYS, "layer", "scale", "value", "standard_error", "points"],
    "overlap": [*KEYS, "layer", "next_layer", "k", "value"],
    "cosine": [*KEYS, "layer", "value", "value_off_diagonal", "standard_deviation"],
    "angle": [*KEYS, "layer", "value", "to_nearest"],
    "reciprocity": RECIPROCITY,
    "loss": [*KEYS, "value", "tokens", "types"],
}


def read_records() -> PromptRecords:
    """Which prompts have estimates."""
    return read_index(INDEX)


def read_geometry() -> GeometryTables:
    """The tidy tables of prompts; `token_geometry` works on them."""
    return read_tables(FOLDER)


def read_reciprocity() -> pd.DataFrame:
    """The share of neighbours that hold both ways, a row per prompt, layer and k."""
    return read_table(FOLDER / "reciprocity.parquet", RECIPROCITY)
