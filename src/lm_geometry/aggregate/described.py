"""The line under each figure: what was measured, on how many points, with which rule."""

from dataclasses import dataclass

import pandas as pd

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.shown import Shown
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.estimate.clouds import Estimated

ESTIMATORS = {"twonn": "TwoNN", "lpca": "lPCA", "mle": "Levina–Bickel MLE"}


@dataclass(frozen=True)
class Lines:
    """What figures of corpora say of themselves; a figure takes the line of its kind."""

    model: str
    local: str
    intervals: str
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
    model = label(source)
    size = f"{shown.n_neighbors:g}" + (" of N" if shown.n_neighbors < 1 else "")
    rule = f", CDF {estimated.cdf}" if shown.estimator == "twonn" else ""
    clouds = max(means["clouds"].tolist(), default=1)
    cloud = f"N = {max(means['points'].tolist(), default=0):,} tokens"
    drawn_are = "documents" if clouds == 1 else f"documents and {clouds} clouds"
    local = f"{model} · local {ESTIMATORS[shown.estimator]}{rule} · {cloud} · L = {size} neighbours"
    intervals = f"{settings.confidence:.0%} intervals over"
    return Lines(
        model=model,
        local=local,
        intervals=f"{local} · {intervals} {drawn_are}",
        correlation=f"{local} · {intervals} {settings.bootstrap.resample}",
        gride=f"{model} · GRIDE · {cloud}",
    )


def label(source: ModelSource) -> str:
    """The model as figures name it."""
    return source.label + (" (untrained)" if source.weights == "random" else "")
