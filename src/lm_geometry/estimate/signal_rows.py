"""Signals of a cloud, as rows of the table of global estimates."""

import numpy as np
import pandas as pd

from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.observables.cloud_signals import cloud_signals
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.clouds import GLOBAL, without
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import Cloud, Points, read_index
from lm_geometry.outs.token_sample.point_states import read_states_of
from lm_geometry.point_cloud.shapes import Int64

MASSIVE, MOVED = "massive_tokens", "distance_moved"


def signal_table(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    settings: Estimate,
) -> pd.DataFrame:
    """A row for each signal of the section, and how many massive tokens it is of.

    X `[points, width]` and their `rows` in the token table. The distance moved is that from the
    same tokens' states at base, where the cloud is of another checkpoint.
    """
    names = [name for name in settings.signals if name != MOVED or cloud.checkpoint != BASE]
    columns = [*GLOBAL, *without(settings.jackknife.groups)]
    if not names or not len(X):
        return pd.DataFrame(columns=columns)
    base = read_states_of(BASE, cloud.split, cloud.layer, rows) if MOVED in names else None
    found = cloud_signals(
        X,
        readings.group_of(rows) if readings.groups else None,
        base,
        [*names, MASSIVE],
        readings.groups,
        read_index()["massive"],
    )
    return pd.DataFrame(
        [
            cloud.keys()
            | {"exclude": NONE, "estimator": signal.name, "value": signal.value, "points": len(X)}
            | dict(zip(without(readings.groups), signal.without, strict=True))
            for signal in found
        ],
        columns=columns,
    )
