"""The point clouds of prompts that token-sample listed: a row for each."""

from lm_geometry.outs.embed.prompts import KEYS, PromptCloud
from lm_geometry.workspace import paths
from lm_geometry.workspace.tree import WORKSPACE, Tree

TABLE = paths.CLOUDS / "prompts.parquet"
COLUMNS = [*KEYS, "layer", "tokens", "points", "missing"]


def read_prompt_clouds(tree: Tree = WORKSPACE) -> list[PromptCloud]:
    """The prompts whose clouds token-sample listed in its last run."""
    rows = tree.read_table(TABLE, ["checkpoint", "prompt", "shuffle"]).to_dict("list")
    return [PromptCloud(*keys) for keys in dict.fromkeys(zip(*rows.values(), strict=True))]
