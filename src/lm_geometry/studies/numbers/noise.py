"""How far Gaussian noise moved a cloud: the Hausdorff distance of clean and noisy points."""

from typing import Any

import pandas as pd

from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.outs.estimate.clouds import estimated_clouds
from lm_geometry.outs.token_sample.clouds import read_clean_cloud, read_index, with_noise
from lm_geometry.studies.numbers.collection import Collected

KEYS = ["checkpoint", "corpus", "split", "layer"]


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
    table: Any = pd.DataFrame(rows)
    return table.groupby(KEYS, as_index=False, sort=False)["hausdorff"].mean()
