"""How far Gaussian noise moved a cloud: the Hausdorff distance of clean and noisy points."""

import io
from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.token_sample.clouds import Cloud, Points
from lm_geometry.revisions.revision import Revision
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.workspace import paths
from lm_geometry.workspace.seeds import stream

KEYS = ["checkpoint", "corpus", "split", "layer"]


def distances(collected: Collected) -> pd.DataFrame:
    """Mean over the draws of a cloud of the Hausdorff distance of clean and noisy points.

    A row per checkpoint, corpus split and layer, with the column `hausdorff`; 0 without noise.
    """
    index = collected.revision.json("data/clouds/index.json")
    rows = []
    for entry in collected.revision.json("data/estimates/index.json"):
        cloud = Cloud(**{**entry, "split": CorpusSplit(**entry["split"])})
        if cloud.layer == collected.layer:
            clean, noisy = clouds(collected.revision, cloud, index)
            rows.append(cloud.keys() | {"hausdorff": hausdorff(clean, noisy).distance})
    table: Any = pd.DataFrame(rows)
    return table.groupby(KEYS, as_index=False, sort=False)["hausdorff"].mean()


def clouds(revision: Revision, cloud: Cloud, index: dict) -> tuple[Points, Points]:
    """Clean and noisy points `[points, width]` of a cloud of any revision.

    The noise is that of `clouds.read_cloud`, which reads the workspace.
    """
    keys = cloud.keys()
    states = paths.cell(paths.HIDDEN_STATES, cloud.checkpoint, *_split(cloud))
    rows = _array(revision, cloud.file)
    clean = _array(revision, states / paths.layer_file(cloud.layer))[rows]
    named = stream(index["noise_seed"], *keys.values(), "noise")
    generator = np.random.default_rng(index["noise_seed"]) if index["paper"] else named
    return clean, clean + generator.normal(0, index["noise"], clean.shape)


def _split(cloud: Cloud) -> tuple[str, str]:
    return cloud.split.corpus, cloud.split.split


def _array(revision: Revision, file: paths.Path) -> np.ndarray:
    return np.load(io.BytesIO(revision.bytes(str(file.relative_to(paths.ROOT)))))
