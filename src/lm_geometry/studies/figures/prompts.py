"""Figures of the prompts of a study's experiments, a function for each kind."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import cells_of, rows_where
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figures import token_geometry_by_layer as by_layer
from lm_geometry.studies.figures import token_geometry_correlation as correlation
from lm_geometry.studies.figures.drawn import Drawn, words
from lm_geometry.studies.figures.token_geometry_panels import Series
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.prompts import PromptTables, prompt_tables
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.token_geometry.loss_correlations import best_cells
from lm_geometry.token_geometry.means import means, peaks

BEST = ["quantity", "model", "shuffle", "method", "given", "layer"]
BEST += ["value", "lower", "upper", "prompts"]


def drawn(figure: PromptFigure, study: Study, collected: Sequence[Collected]) -> Drawn:
    """The figure of what the experiments measured; raises ValueError where they have no prompts."""
    chosen = [one for one in collected if not figure.only or one.experiment.case in figure.only]
    return KINDS[figure.kind](figure, prompt_tables(figure, study, chosen))


def layers(figure: PromptFigure, tables: PromptTables) -> Drawn:
    """One prompt and the mean over layers, a row of panels for each scale or k."""
    rows = figure.axis if len(figure.at) > 1 else None
    return _beside(figure, tables, tables.values(), figure.words, rows)


def scales(figure: PromptFigure, tables: PromptTables) -> Drawn:
    """One prompt and the mean over scales, a row of panels for each chosen layer."""
    values = tables.table("dimension")
    depth = max(values["layer"])
    chosen = sorted({max(1, round(depth * share)) for share in figure.depths})
    return _beside(figure, tables, rows_where(values, layer=chosen), "GRIDE dimension", "layer")


def each(figure: PromptFigure, tables: PromptTables) -> Drawn:
    """The first prompts, a panel each."""
    values = rows_where(tables.values(), prompt=tables.shared[: figure.prompts])
    _refuse_several_models(figure, values)
    return Drawn(by_layer.prompts(values, figure.words, "shuffle", figure.title), values)


def models(figure: PromptFigure, tables: PromptTables) -> Drawn:
    """The experiments side by side."""
    values = tables.values()
    over = means(values)
    chart = by_layer.models(
        *(values, over, tables.prompt, figure.words, figure.title), _banded(figure, values)
    )
    return Drawn(chart, over, _peaks(values))


def correlations(figure: PromptFigure, tables: PromptTables) -> Drawn:
    """Correlations with the loss within each shuffle, and over all where shuffles are lines."""
    dimension, overlap = tables.table("dimension"), tables.table("overlap")
    of = {f"dimension, scale {s}": rows_where(dimension, scale=s) for s in figure.at}
    of |= {f"overlap, k = {k}": rows_where(overlap, k=k) for k in figure.sizes}
    of["mean cosine"] = tables.table("cosine")
    ways = list(product(figure.methods, [[], figure.given] if figure.given else [[]]))
    parts = [
        tables.correlation(values, method, [*fixed]).assign(quantity=name)
        for (name, values), (method, fixed) in product(of.items(), ways)
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows["given"] = np.where(rows["given"] == "", "", "given " + rows["given"])
    series, shown, panel = _series(figure), rows, ["quantity", "method", "given"]
    if series == "shuffle":  # the text and all of them alone keep their intervals, to be seen
        bounds = {name: rows[name].mask(rows["shuffle"] > 0) for name in ("lower", "upper")}
        shown = rows.assign(**bounds)
        panel = ["model", *panel] if len(set(rows["model"])) > 1 else panel
    columns = len(ways) if len(ways) > 1 else 3
    chart = correlation.chart(shown, series, panel, figure.title, words(figure.says), columns)
    # Scale and k are not of every quantity.
    quantities = rows.groupby("quantity", sort=False)
    best = [best_cells(part.dropna(axis=1, how="all")) for _, part in quantities]
    return Drawn(chart, rows, pd.concat(best, ignore_index=True).reindex(columns=BEST))


def scatter(figure: PromptFigure, tables: PromptTables) -> Drawn:
    """Loss against the quantity at the layer of the largest correlation of each experiment."""
    values = tables.values()
    best = best_cells(tables.correlation(values, "pearson", []))
    name = best["model"] + ", " if len(set(best["model"])) > 1 else ""
    at = best.agg("S = {0.shuffle}, layer {0.layer}: r = {0.value:.2f}".format, axis=1)
    panels = best[["model", "shuffle", "layer"]].assign(panel=name + at)
    pairs = panels.merge(values, on=["model", "shuffle", "layer"])
    loss = tables.loss.rename(columns={"value": "loss"})[["model", "prompt", "shuffle", "loss"]]
    table = pairs.merge(loss, on=["model", "prompt", "shuffle"])
    table = table.reindex(columns=[*values, "panel", "loss"])
    return Drawn(correlation.scatter(table, figure.words, "model", figure.title), table, best)


KINDS: dict[str, Callable[[PromptFigure, PromptTables], Drawn]] = {
    kind.__name__: kind for kind in (layers, scales, each, models, correlations, scatter)
}


def _beside(
    figure: PromptFigure, tables: PromptTables, values: pd.DataFrame, words: str, rows: str | None
) -> Drawn:
    """One prompt beside the mean of all, over layers or scales."""
    series, banded = _series(figure), None
    if series == "shuffle":
        _refuse_several_models(figure, values)
        banded = _banded(figure, values)
    elif len(set(values["shuffle"])) > 1:
        raise ValueError(f"figure {figure.title!r}: name one of the shuffles")
    over = means(values)
    axis = "scale" if figure.kind == "scales" else "layer"
    chart = by_layer.chart(
        *(values, over, tables.prompt, words, series, figure.title), rows, banded, axis
    )
    return Drawn(chart, over, _peaks(values) if axis == "layer" else pd.DataFrame())


def _series(figure: PromptFigure) -> Series:
    return "shuffle" if figure.series == "shuffle" else "model"


def _banded(figure: PromptFigure, values: pd.DataFrame) -> list[int]:
    shuffles = sorted(set(values["shuffle"]))
    return figure.banded or [shuffles[0], shuffles[-1]]


def _peaks(values: pd.DataFrame) -> pd.DataFrame:
    """Where the dimension peaks; nothing of other quantities."""
    return peaks(values) if "scale" in cells_of(values) else pd.DataFrame()


def _refuse_several_models(figure: PromptFigure, values: pd.DataFrame) -> None:
    names = sorted(set(values["model"]))
    if len(names) > 1:
        raise ValueError(
            f"figure {figure.title!r}: {', '.join(names)} would be one line; name one in `only`, "
            "or take series: experiment"
        )
