"""Means over several runs: other training seeds, other divisions of the documents."""

from collections.abc import Sequence

import numpy as np

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.statistics.means import Mean


def between_runs(means: Sequence[Mean]) -> Mean:
    """The mean over runs that were drawn apart, each with documents and clouds of its own.

    Every run counts alike: the variance is s²/R, with s² that of the R runs' means, on R-1 degrees
    of freedom (Student 1908). What varies within a run (documents, clouds) makes the runs' means
    vary too and is therefore in it. What runs share, such as the same documents, they cannot tell
    of. `clusters` of the result counts the runs; a run without a mean is left out.
    """
    values = _defined(means)
    runs = len(values)
    if runs < 2:
        value = float(values[0]) if runs else float("nan")
        return Mean(value, float("nan"), float("nan"), _counted(means), runs)
    error = float(values.std(ddof=1) / np.sqrt(runs))
    return Mean(float(values.mean()), error, runs - 1.0, _counted(means), runs)


def _defined(means: Sequence[Mean]) -> Float64[np.ndarray, "defined"]:
    values = np.array([mean.value for mean in means], dtype=np.float64)
    return values[np.isfinite(values)]


def _counted(means: Sequence[Mean]) -> int:
    return sum(mean.values for mean in means if np.isfinite(mean.value))
