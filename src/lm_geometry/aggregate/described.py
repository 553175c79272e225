"""The line under each figure: what was measured, on how many points, with which rule."""

from dataclasses import dataclass

import pandas as pd

from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.shown import Shown
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.clouds import Estimated
from lm_geometry.statistics.jackknife import JACKKNIFE
from lm_geometry.workspace.points import told

ESTIMATORS = {"twonn": "TwoNN", "lpca": "lPCA", "mle": "Levina–Bickel MLE"}


@dataclass(frozen=True)
class Lines:
    """What figures of corpora say of themselves; a figure takes the line of its kind.

    `shown` and `shown_intervals` name the shown reading; the others do so where it is the only one,
    since their panels are named by it elsewhere.
    """

    model: str
    local: str
    intervals: str
    shown_intervals: str
    correlation: str
    gride: str


def described(
    source: ModelSource,
    shown: Shown,
    estimated: Estimated,
    settings: Aggregate,
    means: pd.DataFrame,
) -> Lines:
    """The lines of a pipeline run, from its table of means."""
    model, states = label(source), label(source, estimated.embedded.points)
    rule = f", CDF {estimated.cdf}" if shown.estimator == "twonn" else ""
    clouds = max(means["clouds"].tolist(), default=1)
    cloud = f"N = {max(means['points'].tolist(), default=0):,} tokens"
    if estimated.among:
        cloud += f" among {max(estimated.among):,}"
    measured = f"{states} · local {ESTIMATORS[shown.estimator]}{rule} · {cloud} · "
    size = f"L = {shown.n_neighbors:g}" + (" of N" if shown.n_neighbors < 1 else "")
    one = f"{measured}{size} · {reading(shown.exclude)}"
    local = f"{measured}{size} neighbours" if shown.published else one
    own = means.loc[means["exclude"] == shown.exclude]
    of_tokens = own["level"] == OF_TOKENS["level"]
    found = _error(own.loc[of_tokens & (own["estimator"] == shown.estimator)])
    intervals = f"{settings.confidence:.0%} intervals over"
    drawn = f"{intervals} {_drawn(found, clouds)}"
    resampled = "documents (jackknife)" if found == JACKKNIFE else settings.bootstrap.resample
    scales = _error(own.loc[own["estimator"] == "gride"])
    over_scales = _drawn(scales, clouds) if scales == JACKKNIFE else f"{clouds} clouds"
    by_scale = f"{states} · GRIDE · {cloud}"
    by_scale += "" if shown.published else f" · {reading(shown.exclude)}"
    return Lines(
        model=model,
        local=local,
        intervals=f"{local} · {drawn}",
        shown_intervals=f"{one} · {drawn}",
        correlation=f"{local} · {intervals} {resampled}",
        gride=f"{by_scale} · {intervals} {over_scales}",
    )


def reading(exclude: str) -> str:
    """The reading as figures name it, such as "neighbours of other documents"."""
    if exclude == NONE:
        return "all neighbours"
    return "neighbours of other " + " and ".join(f"{kind}s" for kind in exclude.split("+"))


def label(source: ModelSource, points: str = "residual") -> str:
    """The model as figures name it, and where in its blocks states were read."""
    model = source.label + (" (untrained)" if source.weights == "random" else "")
    where = told(points)
    return f"{model}, {where}" if where else model


def _error(means: pd.DataFrame) -> str:
    """What the intervals of these means are by: the jackknife, where any of them is."""
    return JACKKNIFE if JACKKNIFE in set(means["error"]) else ""


def _drawn(error: str, clouds: int) -> str:
    """What an interval takes for drawn at random."""
    drawn = "documents" if clouds == 1 else f"documents and {clouds} clouds"
    return f"{drawn} (jackknife)" if error == JACKKNIFE else drawn
