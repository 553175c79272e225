"""Prompts of a study's experiments: their tables put together, and figures of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import cells_of, rows_where
from lm_geometry.outs.estimate.prompts import read_quantity
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figures import token_geometry_by_layer as by_layer
from lm_geometry.studies.figures import token_geometry_correlation as correlation
from lm_geometry.studies.figures.prompt_figure import PromptFigure
from lm_geometry.studies.figures.token_geometry_panels import Series
from lm_geometry.studies.numbers.collection import Collected, step_of
from lm_geometry.studies.numbers.runs import label
from lm_geometry.token_geometry.loss_correlations import best_cells, loss_correlations
from lm_geometry.token_geometry.means import means, peaks

PAPERS_PROMPT = 3218  # the one that the paper shows, where it is among them
RUNS = ["checkpoint", "corpus", "split"]


@dataclass(frozen=True)
class Drawn:
    """A figure of prompts, every number in it, and the few that its page tells."""

    chart: alt.VConcatChart
    rows: pd.DataFrame
    told: pd.DataFrame


def labelled(one: Collected, study: Study) -> str:
    """What tells an experiment from the others of its study: case and grid, or the model's name."""
    varied = [str(label(one.experiment.overrides[name])) for name in study.grid]
    return ", ".join(filter(None, [one.experiment.case, *varied])) or one.model.label


def drawn(figure: PromptFigure, study: Study, collected: Sequence[Collected]) -> Drawn:
    """The figure of what the experiments measured; raises ValueError where they have no prompts."""
    chosen = [one for one in collected if not figure.only or one.experiment.case in figure.only]
    tables = Prompts(figure, {labelled(one, study): one for one in chosen})
    return {
        "layers": tables.layers,
        "scales": tables.scales,
        "each": tables.each,
        "models": tables.models,
        "correlations": tables.correlations,
        "scatter": tables.scatter,
    }[figure.kind]()


class Prompts:
    """The tables of a figure's experiments, told apart by their column `model`.

    Where all have prompts of one corpus, those that every one measured are kept, so that what is
    compared are models (lengths, controls) and not texts.
    """

    def __init__(self, figure: PromptFigure, collected: Mapping[str, Collected]) -> None:
        self.figure = figure
        self.collected = collected
        self.loss = self._joined("loss")
        if self.loss.empty:
            raise ValueError(f"figure {figure.title!r}: no experiment has prompts")
        numbers = [set(part["prompt"]) for _, part in self.loss.groupby("model")]
        in_all = sorted(set.intersection(*numbers))
        corpora = {one.params["data_prep"]["prompts"]["corpus"] for one in collected.values()}
        self.shared = in_all if len(corpora) == 1 else sorted(set.union(*numbers))
        if not in_all:
            raise ValueError(f"figure {figure.title!r}: no prompt is in every experiment")
        self.prompt = PAPERS_PROMPT if PAPERS_PROMPT in in_all else in_all[0]
        self.series: Series = "shuffle" if figure.series == "shuffle" else "model"

    def table(self, quantity: str) -> pd.DataFrame:
        """The values of the shared prompts, from layer 1 on."""
        found = rows_where(self._joined(quantity), prompt=self.shared).dropna(subset=["value"])
        return found.loc[found["layer"] >= 1] if "layer" in found else found

    def values(self) -> pd.DataFrame:
        """The rows of the figure's quantity, at its scales or k."""
        found = self.table(self.figure.quantity)
        axis = self.figure.axis
        return rows_where(found, **{axis: self.figure.at}) if axis else found

    def layers(self) -> Drawn:
        """One prompt and the mean over layers, a row of panels for each scale or k."""
        values = self.values()
        axis = self.figure.axis if len(self.figure.at) > 1 else None
        return self._by_layer(by_layer.chart, values, self.figure.words, rows=axis)

    def scales(self) -> Drawn:
        """One prompt and the mean over scales, a row of panels for each chosen layer."""
        values: Any = self.table("dimension")
        depth = values["layer"].max()
        chosen = sorted({max(1, round(float(depth) * share)) for share in self.figure.depths})
        values = rows_where(values, layer=chosen)
        return self._by_layer(by_layer.by_scale, values, "GRIDE dimension")

    def each(self) -> Drawn:
        """The first prompts, a panel each."""
        values = rows_where(self.values(), prompt=self.shared[: self.figure.prompts])
        _one_model(self.figure, values)
        chart = by_layer.prompts(values, self.figure.words, "shuffle", self.figure.title)
        return Drawn(chart, values, _nothing())

    def models(self) -> Drawn:
        """The experiments side by side."""
        values = self.values()
        over = means(values)
        chart = by_layer.models(
            *(values, over, self.prompt, self.figure.words, self.figure.title),
            banded=self._banded(values),
        )
        return Drawn(chart, over, _peaks(values))

    def correlations(self) -> Drawn:
        """Correlations with the loss within each shuffle, and over all where shuffles are lines."""
        parts = []
        given = [[], self.figure.given] if self.figure.given else [[]]
        for name, values in self._correlated().items():
            for method in self.figure.methods:
                for fixed in given:
                    found = self._correlation(values, method, fixed)
                    parts.append(found.assign(quantity=name))
        rows: Any = pd.concat(parts, ignore_index=True)
        rows["given"] = np.where(rows["given"] == "", "", "given " + rows["given"])
        panel = ["quantity", "method", "given"]
        if self.series == "shuffle" and rows["model"].nunique() > 1:
            panel.insert(0, "model")
        columns = len(self.figure.methods) * len(given)
        chart = correlation.chart(
            *(self._some_banded(rows), self.series, panel, self.figure.title, self._says()),
            columns=columns if columns > 1 else 3,
        )
        best = [
            best_cells(part.dropna(axis=1, how="all"))  # scale and k are not of every quantity
            for _, part in rows.groupby("quantity", sort=False)
        ]
        told = ["quantity", "model", "shuffle", "method", "given", "layer", "value"]
        told += ["lower", "upper", "prompts"]
        largest: Any = pd.concat(best, ignore_index=True)
        return Drawn(chart, rows, largest[told])

    def scatter(self) -> Drawn:
        """Loss against the quantity at the layer of the largest correlation of each experiment."""
        values = self.values()
        best: Any = best_cells(self._correlation(values, "pearson", []))
        several = best["model"].nunique() > 1
        pairs = []
        for row in best.to_dict("records"):
            keys = {"model": row["model"], "shuffle": row["shuffle"], "layer": row["layer"]}
            name = f"{row['model']}, " if several else ""
            at = f"{name}S = {row['shuffle']}, layer {row['layer']}: r = {row['value']:.2f}"
            pairs.append(rows_where(values, **keys).assign(panel=at))
        loss = self.loss.rename(columns={"value": "loss"})[["model", "prompt", "shuffle", "loss"]]
        table = pd.concat(pairs).merge(loss, on=["model", "prompt", "shuffle"])
        chart = correlation.scatter(table, self.figure.words, "model", self.figure.title)
        return Drawn(chart, table, best)

    def _by_layer(self, draw: Any, values: Any, words: str, **options: Any) -> Drawn:
        if self.series == "shuffle":
            _one_model(self.figure, values)
        over = means(values)
        banded = self._banded(values) if self.series == "shuffle" else None
        if self.series == "model" and values["shuffle"].nunique() > 1:
            raise ValueError(f"figure {self.figure.title!r}: name one of the shuffles")
        chart = draw(
            *(values, over, self.prompt, words, self.series, self.figure.title),
            banded=banded,
            **options,
        )
        return Drawn(chart, over, _peaks(values) if self.figure.kind == "layers" else _nothing())

    def _some_banded(self, rows: Any) -> pd.DataFrame:
        """Of many shuffles only the text and all of them keep their intervals, to be seen."""
        if self.series != "shuffle":
            return rows
        hidden = rows["shuffle"] > 0
        return rows.assign(**{name: rows[name].mask(hidden) for name in ("lower", "upper")})

    def _banded(self, values: Any) -> list[int]:
        shuffles = sorted(set(values["shuffle"]))
        return self.figure.banded or [shuffles[0], shuffles[-1]]

    def _says(self) -> list[str]:
        return [self.figure.says] if self.figure.says else []

    def _correlated(self) -> dict[str, pd.DataFrame]:
        dimension, overlap = self.table("dimension"), self.table("overlap")
        found = {f"dimension, scale {s}": rows_where(dimension, scale=s) for s in self.figure.at}
        found |= {f"overlap, k = {k}": rows_where(overlap, k=k) for k in self.figure.sizes}
        return found | {"mean cosine": self.table("cosine")}

    def _correlation(self, values: Any, method: str, given: list[str]) -> pd.DataFrame:
        known = self.loss.dropna(subset=["value"])
        values = values[values["model"].isin(set(known["model"]))]
        if values.empty:
            raise ValueError(f"figure {self.figure.title!r}: no experiment has losses")
        settings = next(iter(self.collected.values())).params["aggregate"]
        options = {
            "draws": settings["bootstrap"]["draws"],
            "seed": settings["bootstrap"]["seed"],
            "confidence": settings["confidence"],
        }
        found = [loss_correlations(values, known, method, given, **options)]
        over_all = self.figure.kind == "correlations" and self.series == "shuffle"
        if over_all and values["shuffle"].nunique() > 1:
            found.append(loss_correlations(values, known, method, given, pooled=True, **options))
        return pd.concat(found, ignore_index=True)

    def _joined(self, quantity: str) -> pd.DataFrame:
        parts = [self._of(name, one, quantity) for name, one in self.collected.items()]
        return pd.concat(parts, ignore_index=True)

    def _of(self, name: str, one: Collected, quantity: str) -> pd.DataFrame:
        table = read_quantity(quantity, one.revision)
        if self.figure.shuffles:
            table = rows_where(table, shuffle=self.figure.shuffles)
        there = set(table["checkpoint"])
        if self.figure.series == "checkpoint":
            order = sorted(there, key=step_of)
            names = {c: f"{name}, {'base' if c == BASE else f'step {c}'}" for c in order}
            table: Any = pd.concat([rows_where(table, checkpoint=c) for c in order] or [table])
            return table.assign(model=[names[c] for c in table["checkpoint"]]).drop(columns=RUNS)
        shown = one.checkpoint if one.checkpoint in there else BASE
        return rows_where(table, checkpoint=shown).assign(model=name).drop(columns=RUNS)


def _peaks(values: pd.DataFrame) -> pd.DataFrame:
    """Where the dimension peaks; nothing of other quantities."""
    return peaks(values) if "scale" in cells_of(values) else _nothing()


def _nothing() -> pd.DataFrame:
    return pd.DataFrame()


def _one_model(figure: PromptFigure, values: Any) -> None:
    names = sorted(set(values["model"]))
    if len(names) > 1:
        raise ValueError(
            f"figure {figure.title!r}: {', '.join(names)} would be one line; name one in `only`, "
            "or take series: experiment"
        )
