"""The summary arrays published with the paper, as tidy tables.

"The Geometry of Tokens in Internal Representations of Large Language Models" (Viswanathan et al.
2025, arXiv 2501.10573; RitAreaSciencePark/token_geometry). A folder per model holds csn_sim.npy,
gride.npy, mnos.npy, losses.npy, in it or in its folder `summaries`; rows are prompt by prompt, and
within a prompt S = 0 … 5.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lm_geometry.outs.estimate.prompt_tables import GeometryTables, no_rows
from lm_geometry.point_cloud.shapes import Float64, Int64

SHUFFLES = 6
FIRST_LAYER = 1  # of dimensions and overlaps; cosines begin with the embeddings, layer 0


def read_published(folder: Path, prompts: ArrayLike, shuffles: int = SHUFFLES) -> GeometryTables:
    """The tables of every model in `folder`, for instance results/Pile-Shuffled of the clone.

    `prompts` are the document numbers of the rows, as in subset_indices.npy; for arrays of
    unshuffled prompts alone give filtered_indices.npy and `shuffles` 1. Arrays that are not there
    make tables without rows. Raises FileNotFoundError where no model is, and ValueError for an
    array whose rows are not prompts × shuffles.
    """
    numbers = np.asarray(prompts).astype(np.int64)
    places = {place.parent: place.parent for place in sorted(folder.glob("*/losses.npy"))}
    places |= {
        place.parents[1]: place.parent for place in sorted(folder.glob("*/summaries/losses.npy"))
    }
    if not places:
        raise FileNotFoundError(f"{folder}: no folder of a model with losses.npy is in it")
    models = [_Model(named.name, place, numbers, shuffles) for named, place in places.items()]
    return GeometryTables(
        dimension=_joined("dimension", [model.dimension() for model in models]),
        overlap=_joined("overlap", [model.overlap() for model in models]),
        cosine=_joined("cosine", [model.cosine() for model in models]),
        angle=no_rows("angle"),  # published as figures only
        loss=_joined("loss", [model.loss() for model in models]),
    )


def read_reference(folder: Path) -> GeometryTables:
    """The tables of a folder that holds subset_indices.npy beside the models' folders."""
    return read_published(folder, np.load(folder / "subset_indices.npy"))


class _Model:
    """The arrays of one model."""

    def __init__(
        self, name: str, folder: Path, prompts: Int64[np.ndarray, "prompts"], shuffles: int
    ) -> None:
        self.name, self.folder, self.prompts, self.shuffles = name, folder, prompts, shuffles

    def dimension(self) -> pd.DataFrame | None:
        """From gride.npy [rows, layers 1 …, (dimension, standard error, radius), scales]."""
        array = self._array("gride", 4)
        if array is None:
            return None
        scales = 2 ** np.arange(1, array.shape[3] + 1)
        layers = FIRST_LAYER + np.arange(array.shape[1])
        value, error, radius = np.moveaxis(array, 2, 0)
        # At the smallest scale the standard error is d/√N, and so tells the number of points.
        points = np.rint((value[..., :1] / error[..., :1]) ** 2).repeat(len(scales), axis=2)
        return self._table(
            {"layer": layers, "scale": scales},
            {"value": value, "standard_error": error, "radius": radius, "points": points},
        ).astype({"points": np.int64})

    def overlap(self) -> pd.DataFrame | None:
        """From mnos.npy [rows, pairs of layers, k]; k = 0 means nothing."""
        array = self._array("mnos", 3)
        if array is None:
            return None
        layers = FIRST_LAYER + np.arange(array.shape[1])
        axes = {"layer": layers, "k": np.arange(1, array.shape[2])}
        table = self._table(axes, {"value": array[:, :, 1:]})
        table.insert(4, "next_layer", table["layer"] + 1)
        return table

    def cosine(self) -> pd.DataFrame | None:
        """From csn_sim.npy [rows, (mean, standard deviation), layers 0 …]."""
        array = self._array("csn_sim", 3)
        if array is None:
            return None
        layers = np.arange(array.shape[2])
        columns = {"value": array[:, 0], "standard_deviation": array[:, 1]}
        return self._table({"layer": layers}, columns)

    def loss(self) -> pd.DataFrame | None:
        """From losses.npy [rows]."""
        array = self._array("losses", 1)
        return None if array is None else self._table({}, {"value": array})

    def _array(self, name: str, dimensions: int) -> Float64[np.ndarray, "rows ..."] | None:
        path = self.folder / f"{name}.npy"
        if not path.exists():
            return None
        array = np.load(path)
        rows = len(self.prompts) * self.shuffles
        if array.ndim != dimensions or len(array) != rows:
            raise ValueError(
                f"{path} has the shape {array.shape}; {len(self.prompts)} prompts × "
                f"{self.shuffles} shuffles are {rows} rows of {dimensions - 1} dimensions"
            )
        return array.astype(np.float64)

    def _table(
        self,
        axes: dict[str, Int64[np.ndarray, "_"]],
        values: dict[str, Float64[np.ndarray, "..."]],
    ) -> pd.DataFrame:
        keys = {"prompt": self.prompts, "shuffle": np.arange(self.shuffles), **axes}
        index = pd.MultiIndex.from_product(list(keys.values()), names=list(keys))
        columns = {name: array.ravel() for name, array in values.items()}
        table = pd.DataFrame(columns, index=index).reset_index()
        table.insert(0, "model", self.name)
        return table


def _joined(name: str, tables: list[pd.DataFrame | None]) -> pd.DataFrame:
    there = [table for table in tables if table is not None]
    return pd.concat(there, ignore_index=True) if there else no_rows(name)
