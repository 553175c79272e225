"""A corpus split whose states lie on disk, read once in blocks and compared with the queries."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from lm_geometry.embed.params import QueryTokens
from lm_geometry.embed.queries.comparing import HELD, Compared
from lm_geometry.embed.queries.drawn import Queries
from lm_geometry.embed.queries.kept import write_lists
from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.workspace.progress import progress


def lists_of_states(
    states: Float32[np.ndarray, "tokens width"],
    queries: Queries,
    settings: QueryTokens,
    folder: Path,
    meta: dict[str, Any],
    what: str,
) -> None:
    """Write the lists of one layer, whose `states` are those of the whole token table."""
    compared = Compared(queries, np.asarray(states[queries.rows]), settings)
    for first in progress(list(range(0, len(states), HELD)), what):
        rows = np.arange(first, min(first + HELD, len(states)))
        compared[rows] = np.asarray(states[first : first + HELD])
        compared.compare()
        compared.fresh.clear()  # they lie on disk

    def gather(needed: Int64[np.ndarray, "needed"], path: Path) -> None:
        vectors = open_memmap(
            path, mode="w+", dtype=np.float32, shape=(len(needed), states.shape[1])
        )
        for first in range(0, len(needed), HELD):
            vectors[first : first + HELD] = states[needed[first : first + HELD]]
        vectors.flush()

    write_lists(folder, compared, gather, meta)
