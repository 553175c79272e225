"""What the estimate stage wrote, for the stages that read it."""

from dataclasses import asdict

import pandas as pd

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.tables import read_table

KEYS = ["checkpoint", "corpus", "split", "layer", "sampling_seed"]
LOCAL = [*KEYS, "row", "estimator", "n_neighbors", "value"]
GLOBAL = [*KEYS, "estimator", "n_neighbors", "scale", "value", "standard_error", "points", "recall"]
INDEX = paths.ESTIMATES / "index.json"


def folder_name(cloud: Cloud) -> str:
    """Folder of a cloud's two tables, below data/estimates."""
    layer = paths.layer_file(cloud.layer).removesuffix(".npy")
    split = f"{cloud.split.corpus}-{cloud.split.split}"
    return f"{cloud.checkpoint}/{split}/seed-{cloud.sampling_seed}/{layer}"


def write_index(clouds: list[Cloud]) -> None:
    """Record which clouds have estimates; readers enumerate this, never the folders they find."""
    listed = [
        {"checkpoint": c.checkpoint, "layer": c.layer, "sampling_seed": c.sampling_seed}
        | {"split": asdict(c.split)}
        for c in clouds
    ]
    write_json(INDEX, listed)


def estimated_clouds() -> list[Cloud]:
    """The clouds of the last estimate run, in its order."""
    return [
        Cloud(**{**entry, "split": CorpusSplit(**entry["split"])}) for entry in read_json(INDEX)
    ]


def read_local(cloud: Cloud) -> pd.DataFrame:
    """Local estimates of one cloud: a row per token, estimator and neighbourhood size."""
    return read_table(paths.ESTIMATES / folder_name(cloud) / "local.parquet", LOCAL)


def read_global() -> pd.DataFrame:
    """Global estimates of every cloud: a row per cloud, estimator and scale."""
    tables = [
        read_table(paths.ESTIMATES / folder_name(cloud) / "global.parquet", GLOBAL)
        for cloud in estimated_clouds()
    ]
    return pd.concat(tables, ignore_index=True)
