"""What the estimate stage wrote of prompts, for the stages that read it."""

import pandas as pd

from lm_geometry.outs.embed.prompts import KEYS, PromptRecords, read_index
from lm_geometry.outs.estimate.prompt_tables import GeometryTables, read_tables
from lm_geometry.workspace import paths
from lm_geometry.workspace.tree import WORKSPACE, Tree

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


def read_records(tree: Tree = WORKSPACE) -> PromptRecords:
    """Which prompts have estimates."""
    return read_index(INDEX, tree)


def read_geometry(tree: Tree = WORKSPACE) -> GeometryTables:
    """The tidy tables of prompts; `token_geometry` works on them."""
    return read_tables(FOLDER, tree)


def read_quantity(name: str, tree: Tree = WORKSPACE) -> pd.DataFrame:
    """One table of `TABLES` with every column that its run wrote."""
    return tree.read_table(FOLDER / f"{name}.parquet")


def read_reciprocity(tree: Tree = WORKSPACE) -> pd.DataFrame:
    """The share of neighbours that hold both ways, a row per prompt, layer and k."""
    return tree.read_table(FOLDER / "reciprocity.parquet", RECIPROCITY)
