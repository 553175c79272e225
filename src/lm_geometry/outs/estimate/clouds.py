"""What the estimate stage wrote, for the stages that read it."""

from dataclasses import asdict, dataclass

import pandas as pd

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.token_sample.clouds import Cloud, clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

KEYS = ["checkpoint", "corpus", "split", "layer", "sampling_seed"]
LOCAL = [*KEYS, "row", "estimator", "n_neighbors", "value"]
GLOBAL = [*KEYS, "estimator", "n_neighbors", "scale", "value", "standard_error", "points", "recall"]
INDEX = paths.ESTIMATES / "index.json"


def folder_name(cloud: Cloud) -> str:
    """Folder of a cloud's two tables, below data/estimates."""
    layer = paths.layer_file(cloud.layer).removesuffix(".npy")
    split = f"{cloud.split.corpus}-{cloud.split.split}"
    return f"{cloud.checkpoint}/{split}/seed-{cloud.sampling_seed}/{layer}"


@dataclass(frozen=True)
class Estimated:
    """Which clouds have estimates, and by which rules: what the stages after it need to know.

    `n_neighbors` are the sizes asked for, below 1 as shares of a cloud; `cdf` is TwoNN's.
    """

    embedded: Embedded
    sampling_seeds: list[int]
    estimators: list[str]
    n_neighbors: list[int | float]
    cdf: str

    def clouds(self) -> list[Cloud]:
        """Every cloud, in the order of the estimate stage."""
        return list(clouds(self.embedded, self.sampling_seeds))


def write_index(estimated: Estimated) -> None:
    """Record what there is; readers enumerate this, never the folders that they find."""
    write_json(INDEX, asdict(estimated))


def read_estimated(tree: Tree = WORKSPACE) -> Estimated:
    """What the last estimate run wrote."""
    index = tree.read_json(INDEX)
    embedded = index.pop("embedded")
    splits = [CorpusSplit(**entry) for entry in embedded.pop("splits")]
    return Estimated(embedded=Embedded(**embedded, splits=splits), **index)


def estimated_clouds(tree: Tree = WORKSPACE) -> list[Cloud]:
    """The clouds of the last estimate run, in its order."""
    return read_estimated(tree).clouds()


def read_local(cloud: Cloud, tree: Tree = WORKSPACE) -> pd.DataFrame:
    """Local estimates of one cloud: a row per token, estimator and neighbourhood size."""
    return tree.read_table(paths.ESTIMATES / folder_name(cloud) / "local.parquet", LOCAL)


def read_global(tree: Tree = WORKSPACE) -> pd.DataFrame:
    """Global estimates of every cloud: a row per cloud, estimator and scale."""
    tables = [
        tree.read_table(paths.ESTIMATES / folder_name(cloud) / "global.parquet", GLOBAL)
        for cloud in estimated_clouds(tree)
    ]
    return pd.concat(tables, ignore_index=True)
