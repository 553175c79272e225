"""Queries of corpus splits, and their neighbours among all that was embedded: files and readers."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.query_index import QueryIndex
from lm_geometry.point_cloud.shapes import Float32, Float64, Int64
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

INDEX = paths.QUERY_NEIGHBOURS / "index.json"
ARRAYS = ("queries", "numbers", "distances", "tokens", "vectors")  # of each layer, as .npy


@dataclass(frozen=True)
class QueryLists:
    """The nearest tokens of every query, for each share of tokens and reading; −1, infinite: none.

    `numbers` are rows of the token table; `tokens`, ascending, are those among the nearest whose
    states are `vectors`.
    """

    queries: Float32[np.ndarray, "queries width"]
    numbers: Int64[np.ndarray, "references readings queries k"]
    distances: Float64[np.ndarray, "references readings queries k"]
    tokens: Int64[np.ndarray, "needed"]
    vectors: Float32[np.ndarray, "needed width"]


def lists_folder(checkpoint: str, split: CorpusSplit, layer: int) -> Path:
    """Where the arrays of one checkpoint, corpus split and layer are."""
    folder = paths.cell(paths.QUERY_NEIGHBOURS, checkpoint, split.corpus, split.split)
    return folder / paths.layer_file(layer).removesuffix(".npy")


def rows_file(split: CorpusSplit) -> Path:
    """Where the rows of a split's queries are, the same for every checkpoint and layer."""
    return paths.QUERY_NEIGHBOURS / f"{split.corpus}-{split.split}.npy"


def write_query_index(index: QueryIndex) -> None:
    """Record what there is."""
    write_json(INDEX, asdict(index))


def read_query_index(tree: Tree = WORKSPACE) -> QueryIndex | None:
    """What there is of queries, or None where no queries were drawn."""
    if not tree.exists(INDEX):  # an earlier version wrote the states
        return None
    index = QueryIndex(**tree.read_json(INDEX))
    return index if index.count else None


def read_query_rows(split: CorpusSplit, tree: Tree = WORKSPACE) -> Int64[np.ndarray, "queries"]:
    """The rows of the token table that are queries, in the order in which they were drawn."""
    return tree.read_array(rows_file(split))


def read_query_states(
    checkpoint: str, split: CorpusSplit, layer: int, tree: Tree = WORKSPACE
) -> Float32[np.ndarray, "queries width"]:
    """Hidden states `[queries, width]` of the queries, in their order."""
    return tree.read_array(lists_folder(checkpoint, split, layer) / "queries.npy")


def read_query_lists(
    checkpoint: str, split: CorpusSplit, layer: int, tree: Tree = WORKSPACE
) -> QueryLists:
    """The neighbours of the queries of a split, and their states, mapped where they lie."""
    folder = lists_folder(checkpoint, split, layer)
    arrays = [tree.read_array(folder / f"{name}.npy", mapped=True) for name in ARRAYS]
    return QueryLists(*arrays)
