"""How far from its layer a line of a study's figure stands, so that intervals stay apart."""

import numpy as np
import pandas as pd

from lm_geometry.figures import nudged


def beside(data: pd.DataFrame) -> pd.Series:
    """By how many layers each row stands beside its own, which is `x`.

    Lines, a corpus split's side each, share half of the distance of the two nearest layers of their
    panel (`settings`), in the order in which they come.
    """
    distance = data["settings"].map(data.groupby("settings")["x"].apply(_spacing).get)
    return pd.Series(distance.astype(float) * _shares(data))


def _spacing(layers: pd.Series) -> float:
    """The distance of the two nearest layers."""
    return float(min(np.diff(sorted(set(layers))), default=0))


def _shares(data: pd.DataFrame) -> pd.Series:
    """By which part of that a line stands beside its layer, so that intervals stay apart."""
    line = data.groupby(["corpus", "split", "side"], sort=False, dropna=False).ngroup()
    own = line.groupby(data["settings"]).rank("dense")  # from 1, in each panel
    of = own.groupby(data["settings"]).transform("max")
    return pd.Series(nudged.SHARE * ((own - 0.5) / of - 0.5))
