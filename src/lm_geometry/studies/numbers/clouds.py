"""Numbers of single clouds: the mean of each draw, and how far noise moved the points."""

import numpy as np
import pandas as pd

from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.outs.estimate.clouds import estimated_clouds, read_local
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import read_clean_cloud, read_index, with_noise
from lm_geometry.studies.numbers.collection import Collected

KEYS = ["checkpoint", "corpus", "split", "layer"]


def draws(collected: Collected) -> pd.DataFrame:
    """A row per draw of a cloud (sampling_seed) at the shown layer, L, base and checkpoint.

    Columns as in the table `means`; its mean pools the draws, which here stay apart.
    """
    rows = []
    for cloud in estimated_clouds(collected.revision):
        compared = cloud.checkpoint in (BASE, collected.checkpoint)
        if not compared or cloud.layer != collected.layer:
            continue
        chosen = collected.shown(read_local(cloud, collected.revision))["value"]
        own = {"estimator": collected.estimator, "n_neighbors": collected.n_neighbors}
        size = {"mean": chosen.mean(), "values": int(np.sum(chosen.notna())), "documents": 0}
        rows.append(cloud.keys() | own | size)
    return pd.DataFrame(rows).assign(lower=float("nan"), upper=float("nan"))


def distances(collected: Collected) -> pd.DataFrame:
    """Mean over the draws of a cloud of the Hausdorff distance of clean and noisy points.

    A row per checkpoint, corpus split and layer, with the column `hausdorff`; 0 without noise.
    """
    index = read_index(collected.revision)
    rows = []
    for cloud in estimated_clouds(collected.revision):
        if cloud.layer == collected.layer:
            clean, _ = read_clean_cloud(cloud, collected.revision)
            moved = hausdorff(clean, with_noise(clean, cloud, index)).distance
            rows.append(cloud.keys() | {"hausdorff": moved})
    moved = pd.DataFrame(rows).groupby(KEYS, as_index=False, sort=False)["hausdorff"].mean()
    return pd.DataFrame(moved)
