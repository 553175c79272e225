"""The lists of one checkpoint, corpus split and layer as embed keeps them, from either way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lm_geometry.embed.queries.comparing import Compared
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.files import write_json

Vectors = Callable[[Int64[np.ndarray, "needed"], Path], None]  # writes the states of rows


def write_lists(folder: Path, compared: Compared, vectors: Vectors, meta: dict[str, Any]) -> None:
    """Write the arrays of `outs.embed.queries.QueryLists`, and meta.json last.

    `vectors` writes the states of the rows that are needed, `[needed, width]`, to a path.
    """
    needed = compared.needed()
    folder.mkdir(parents=True, exist_ok=True)
    vectors(needed, folder / "vectors.npy")
    numbers, distances = compared.lists()
    write_array(folder / "numbers.npy", numbers)
    write_array(folder / "distances.npy", distances)
    write_array(folder / "tokens.npy", needed)
    write_array(folder / "queries.npy", compared.searches[0].queries)
    write_json(folder / "meta.json", meta)
