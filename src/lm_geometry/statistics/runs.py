"""Means over several runs: other training seeds, other divisions of the documents."""

from collections.abc import Sequence

import numpy as np

from lm_geometry.statistics.means import Mean


def between_runs(means: Sequence[Mean]) -> Mean:
    """The mean over runs that were drawn apart, each with documents and clouds of its own.

    Every run counts alike: the variance is s²/R, with s² that of the R runs' means, on R-1 degrees
    of freedom (Student 1908). What varies within a run (documents, clouds) makes the runs' means
    vary too and is therefore in it. Runs on the same documents share their error: for those take
    `pooled_runs`. `clusters` of the result counts the runs; a run without a mean is left out.
    """
    values = _defined(means)
    runs = len(values)
    if runs < 2:
        value = float(values[0]) if runs else float("nan")
        return Mean(value, float("nan"), float("nan"), _counted(means), runs)
    error = float(values.std(ddof=1) / np.sqrt(runs))
    return Mean(float(values.mean()), error, runs - 1.0, _counted(means), runs)


def pooled_runs(means: Sequence[Mean]) -> Mean:
    """The mean over runs that share their documents, such as several training seeds of one split.

    The variance is Ū + s²/R: Ū, the mean of the runs' own variances, stays however many runs there
    are, since all of them saw the same documents; s²/R is what differs from run to run. These are
    the within and the between part of Rubin (1987, ch. 3), with s²/R alone for the latter,
    because the mean over runs is what is estimated. Degrees of freedom are Satterthwaite's (1946),
    Ū having those of the run that has the fewest. Where documents differ by run it is too wide,
    never too narrow.
    """
    across = between_runs(means)
    defined = [m for m in means if np.isfinite(m.value)]
    within = float(np.mean([m.standard_error**2 for m in defined])) if defined else float("nan")
    between = across.standard_error**2
    fewest = min((m.degrees for m in defined), default=float("nan"))
    variance = within + between
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = np.float64(variance**2) / (
            np.float64(within**2) / fewest + np.float64(between**2) / across.degrees
        )
    return Mean(
        across.value, float(np.sqrt(variance)), float(degrees), across.values, across.clusters
    )


def _defined(means: Sequence[Mean]) -> np.ndarray:
    values = np.array([mean.value for mean in means], dtype=np.float64)
    return values[np.isfinite(values)]


def _counted(means: Sequence[Mean]) -> int:
    return sum(mean.values for mean in means if np.isfinite(mean.value))
