"""Point clouds of a pipeline run: written by token-sample, read by estimate."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded, read_embedded
from lm_geometry.outs.token_sample.point_states import read_states_of
from lm_geometry.point_cloud.shapes import Float, Float32, Int64
from lm_geometry.workspace import paths
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tree import WORKSPACE, Tree

INDEX = paths.CLOUDS / "index.json"
Points = Float[np.ndarray, "points width"]


class CloudIndex(TypedDict):
    """How the clouds of a run were drawn: data/clouds/index.json.

    Beyond `massive` median norms a token is massive, dropped or not.
    """

    seeds: list[int]
    massive: float
    noise: float
    noise_seed: int
    paper: bool


@dataclass(frozen=True)
class Cloud:
    """Names of one pooled point cloud."""

    checkpoint: str
    split: CorpusSplit
    layer: int
    sampling_seed: int

    @property
    def file(self) -> Path:
        """Where its rows are."""
        folder = paths.cell(paths.CLOUDS, self.checkpoint, self.split.corpus, self.split.split)
        return folder / f"seed-{self.sampling_seed}" / paths.layer_file(self.layer)

    def keys(self) -> dict[str, str | int]:
        """The key columns of its rows in every table."""
        return {
            "checkpoint": self.checkpoint,
            "corpus": self.split.corpus,
            "split": self.split.split,
            "layer": self.layer,
            "sampling_seed": self.sampling_seed,
        }


def clouds(embedded: Embedded, seeds: list[int]) -> Iterator[Cloud]:
    """Every cloud of a run, in a fixed order."""
    for checkpoint in embedded.checkpoints:
        for split in embedded.splits:
            for seed in seeds:
                for layer in embedded.layers:
                    yield Cloud(checkpoint, split, layer, seed)


def read_index(tree: Tree = WORKSPACE) -> CloudIndex:
    """How the clouds of the last run were drawn."""
    return tree.read_json(INDEX)


def read_cloud(cloud: Cloud, tree: Tree = WORKSPACE) -> tuple[Points, Int64[np.ndarray, "points"]]:
    """The points `[points, width]` of a cloud, and their rows in the token table.

    Points are float32, or float64 where noise was added, as in the published code.
    """
    points, rows = read_clean_cloud(cloud, tree)
    return with_noise(points, cloud, read_index(tree)), rows


def read_clean_cloud(
    cloud: Cloud, tree: Tree = WORKSPACE
) -> tuple[Float32[np.ndarray, "points width"], Int64[np.ndarray, "points"]]:
    """`read_cloud` before any noise: the hidden states of the cloud's tokens."""
    rows = tree.read_array(cloud.file)
    return read_states_of(cloud.checkpoint, cloud.split, cloud.layer, rows, tree), rows


def with_noise(
    points: Float32[np.ndarray, "points width"], cloud: Cloud, index: CloudIndex
) -> Points:
    """The points `[points, width]` of a cloud with the noise of its run, float64 if there is any.

    Each cloud has a random stream of its own; the published code starts the same one for each.
    """
    if not index["noise"]:
        return points
    names = (*cloud.keys().values(), "noise")
    named = stream(index["noise_seed"], *names)
    generator = np.random.default_rng(index["noise_seed"]) if index["paper"] else named
    return points + generator.normal(0, index["noise"], points.shape)


def read_seeds(tree: Tree = WORKSPACE) -> list[int]:
    """The sampling seeds of the clouds that token-sample made in its last run."""
    return read_index(tree)["seeds"]


def read_clouds(tree: Tree = WORKSPACE) -> list[Cloud]:
    """Every cloud that token-sample made in its last run."""
    return list(clouds(read_embedded(tree), read_seeds(tree)))
