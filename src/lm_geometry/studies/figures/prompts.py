"""Figures of the prompts of a study's experiments: for each kind its numbers, and its chart."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import cells_of, rows_where
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figures import token_geometry_by_layer as by_layer
from lm_geometry.studies.figures import token_geometry_correlation as correlation
from lm_geometry.studies.figures.drawn import UNKNOWN, Chart, Drawn, Known, words
from lm_geometry.studies.figures.token_geometry_panels import Series
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.prompts import PromptTables, prompt_tables
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.token_geometry.loss_correlations import best_cells
from lm_geometry.token_geometry.means import means, peaks

BEST = ["quantity", "model", "shuffle", "method", "given", "layer"]
BEST += ["value", "lower", "upper", "prompts"]
Numbers = tuple[Known, pd.DataFrame]  # what is drawn, and the few numbers that the page tells


def drawn(
    figure: PromptFigure, study: Study, collected: Sequence[Collected], known: Known = UNKNOWN
) -> Drawn:
    """The figure of what the experiments measured; raises ValueError where they have no prompts."""
    told = pd.DataFrame()
    if known.rows is None:
        chosen = [one for one in collected if not figure.only or one.experiment.case in figure.only]
        known, told = NUMBERS[figure.kind](figure, prompt_tables(figure, study, chosen))
    assert known.rows is not None
    return Drawn(CHARTS[figure.kind](figure, known.rows, known.runs), known.rows, told, known.runs)


def layers(figure: PromptFigure, tables: PromptTables) -> Numbers:
    """The means over prompts of each layer, and one prompt beside them."""
    return _beside(figure, tables, tables.values())


def scales(figure: PromptFigure, tables: PromptTables) -> Numbers:
    """The same over scales, of the chosen layers."""
    values = tables.table("dimension")
    depth = max(values["layer"])
    chosen = sorted({max(1, round(depth * share)) for share in figure.depths})
    known, _ = _beside(figure, tables, rows_where(values, layer=chosen))
    return known, pd.DataFrame()


def each(figure: PromptFigure, tables: PromptTables) -> Numbers:
    """The values of the first prompts."""
    values = rows_where(tables.values(), prompt=tables.shared[: figure.prompts])
    _refuse_several_models(figure, values)
    return Known(values), pd.DataFrame()


def models(figure: PromptFigure, tables: PromptTables) -> Numbers:
    """The means over prompts of every experiment, and one prompt beside them."""
    values = tables.values()
    return Known(means(values), rows_where(values, prompt=tables.prompt)), _peaks(values)


def correlations(figure: PromptFigure, tables: PromptTables) -> Numbers:
    """Correlations with the loss within each shuffle, and over all where shuffles are lines."""
    dimension, overlap = tables.table("dimension"), tables.table("overlap")
    of = {f"dimension, scale {s}": rows_where(dimension, scale=s) for s in figure.at}
    of |= {f"overlap, k = {k}": rows_where(overlap, k=k) for k in figure.sizes}
    of["mean cosine"] = tables.table("cosine")
    parts = [
        tables.correlation(values, method, [*fixed]).assign(quantity=name)
        for (name, values), (method, fixed) in product(of.items(), _ways(figure))
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows["given"] = np.where(rows["given"] == "", "", "given " + rows["given"])
    # Scale and k are not of every quantity.
    quantities = rows.groupby("quantity", sort=False)
    best = [best_cells(part.dropna(axis=1, how="all")) for _, part in quantities]
    return Known(rows), pd.concat(best, ignore_index=True).reindex(columns=BEST)


def scatter(figure: PromptFigure, tables: PromptTables) -> Numbers:
    """Loss and the quantity at the layer of the largest correlation of each experiment."""
    values = tables.values()
    best = best_cells(tables.correlation(values, "pearson", []))
    name = best["model"] + ", " if len(set(best["model"])) > 1 else ""
    at = best.agg("S = {0.shuffle}, layer {0.layer}: r = {0.value:.2f}".format, axis=1)
    panels = best[["model", "shuffle", "layer"]].assign(panel=name + at)
    pairs = panels.merge(values, on=["model", "shuffle", "layer"])
    loss = tables.loss.rename(columns={"value": "loss"})[["model", "prompt", "shuffle", "loss"]]
    table = pairs.merge(loss, on=["model", "prompt", "shuffle"])
    return Known(table.reindex(columns=[*values, "panel", "loss"])), best


def _beside(figure: PromptFigure, tables: PromptTables, values: pd.DataFrame) -> Numbers:
    if _series(figure) == "shuffle":
        _refuse_several_models(figure, values)
    elif len(set(values["shuffle"])) > 1:
        raise ValueError(f"figure {figure.title!r}: name one of the shuffles")
    return Known(means(values), rows_where(values, prompt=tables.prompt)), _peaks(values)


def _chart_beside(figure: PromptFigure, rows: pd.DataFrame, shown: pd.DataFrame | None) -> Chart:
    """One prompt beside the mean of all, a row of panels for each scale, k or layer."""
    series, shown = _series(figure), _one_prompt(figure, shown)
    of_scales = figure.kind == "scales"
    below = "layer" if of_scales else (figure.axis if len(figure.at) > 1 else None)
    banded = _banded(figure, rows) if series == "shuffle" else None
    quantity = "GRIDE dimension" if of_scales else figure.words
    return by_layer.chart(
        *(shown, rows, shown["prompt"].iloc[0], quantity, series, figure.title),
        *(below, banded, "scale" if of_scales else "layer"),
    )


def _chart_of_each(figure: PromptFigure, rows: pd.DataFrame, _: pd.DataFrame | None) -> Chart:
    return by_layer.prompts(rows, figure.words, "shuffle", figure.title)


def _chart_of_models(figure: PromptFigure, rows: pd.DataFrame, shown: pd.DataFrame | None) -> Chart:
    shown = _one_prompt(figure, shown)
    prompt, banded = shown["prompt"].iloc[0], _banded(figure, rows)
    return by_layer.models(shown, rows, prompt, figure.words, figure.title, banded)


def _chart_of_correlations(
    figure: PromptFigure, rows: pd.DataFrame, _: pd.DataFrame | None
) -> Chart:
    series, shown, panel = _series(figure), rows, ["quantity", "method", "given"]
    if series == "shuffle":  # the text and all of them alone keep their intervals, to be seen
        bounds = {name: rows[name].mask(rows["shuffle"] > 0) for name in ("lower", "upper")}
        shown = rows.assign(**bounds)
        panel = ["model", *panel] if len(set(rows["model"])) > 1 else panel
    columns = len(_ways(figure)) if len(_ways(figure)) > 1 else 3
    return correlation.chart(shown, series, panel, figure.title, words(figure.says), columns)


def _chart_of_scatter(figure: PromptFigure, rows: pd.DataFrame, _: pd.DataFrame | None) -> Chart:
    named = rows.assign(panel=rows["panel"].str.replace("r = -", "r = −"))
    return correlation.scatter(named, figure.words, "model", figure.title)


NUMBERS: dict[str, Callable[[PromptFigure, PromptTables], Numbers]] = {
    kind.__name__: kind for kind in (layers, scales, each, models, correlations, scatter)
}
CHARTS: dict[str, Callable[[PromptFigure, pd.DataFrame, pd.DataFrame | None], Chart]] = {
    "layers": _chart_beside,
    "scales": _chart_beside,
    "each": _chart_of_each,
    "models": _chart_of_models,
    "correlations": _chart_of_correlations,
    "scatter": _chart_of_scatter,
}


def _one_prompt(figure: PromptFigure, shown: pd.DataFrame | None) -> pd.DataFrame:
    if shown is None:
        raise ValueError(f"figure {figure.title!r}: the prompt that it shows was not kept")
    return shown


def _ways(figure: PromptFigure) -> list[tuple[str, list[str]]]:
    """Each method, plainly and with what is held fixed."""
    held: list[list[str]] = [[], [*figure.given]] if figure.given else [[]]
    return list(product(figure.methods, held))


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
