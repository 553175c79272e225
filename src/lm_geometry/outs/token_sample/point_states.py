"""States of the tokens that point clouds are made of: of queries where there are any, or of all."""

import numpy as np

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_states
from lm_geometry.outs.embed.queries import read_query_index, read_query_rows, read_query_states
from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.workspace.tree import WORKSPACE, Tree


def read_point_rows(split: CorpusSplit, tree: Tree = WORKSPACE) -> Int64[np.ndarray, "rows"] | None:
    """Rows of the token table among which clouds are drawn, or None: all of them."""
    return read_query_rows(split, tree) if read_query_index(tree) else None


def read_point_states(
    checkpoint: str, split: CorpusSplit, layer: int, tree: Tree = WORKSPACE
) -> Float32[np.ndarray, "rows width"]:
    """Their hidden states at one checkpoint and layer, those of `read_point_rows` in its order."""
    if read_query_index(tree):
        return read_query_states(checkpoint, split, layer, tree)
    return read_states(checkpoint, split, layer, tree)


def read_states_of(
    checkpoint: str,
    split: CorpusSplit,
    layer: int,
    rows: Int64[np.ndarray, "points"],
    tree: Tree = WORKSPACE,
) -> Float32[np.ndarray, "points width"]:
    """Hidden states `[points, width]` of `rows` of the token table, which clouds may be made of."""
    states = read_point_states(checkpoint, split, layer, tree)
    among = read_point_rows(split, tree)
    if among is None:
        return np.asarray(states[rows])
    order = np.argsort(among)
    return np.asarray(states[order[np.searchsorted(among, rows, sorter=order)]])
