"""The tables of prompts of a study's experiments, put together for one figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.estimate.prompts import read_quantity
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.studies.definition import Study
from lm_geometry.studies.numbers.collection import Collected, step_of
from lm_geometry.studies.numbers.runs import label
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.token_geometry.loss_correlations import loss_correlations

PAPERS_PROMPT = 3218  # the one that the paper shows, where it is among them
RUNS = ["checkpoint", "corpus", "split"]


@dataclass(frozen=True)
class PromptTables:
    """The tables of a figure's experiments, told apart by their column `model`.

    Of prompts of one corpus `shared` are those in all, so that models are compared, and not texts;
    `prompt` is shown by itself. `joined` gives the table of a quantity with every prompt.
    """

    figure: PromptFigure
    collected: Sequence[Collected]
    joined: Callable[[str], pd.DataFrame]
    loss: pd.DataFrame
    shared: list[int]
    prompt: int

    def table(self, quantity: str) -> pd.DataFrame:
        """The values of the shown prompts, from layer 1 on."""
        found = rows_where(self.joined(quantity), prompt=self.shared).dropna(subset=["value"])
        return found.loc[found["layer"] >= 1] if "layer" in found else found

    def values(self) -> pd.DataFrame:
        """The rows of the figure's quantity, at its scales or k."""
        found = self.table(self.figure.quantity)
        axis = self.figure.axis
        return rows_where(found, **{axis: self.figure.at}) if axis else found

    def correlation(self, values: pd.DataFrame, method: str, given: list[str]) -> pd.DataFrame:
        """Correlation with the loss within each shuffle, and of all where they are the lines."""
        known = self.loss.dropna(subset=["value"])
        values = rows_where(values, model=[*known["model"]])
        if values.empty:
            raise ValueError(f"figure {self.figure.title!r}: no experiment has losses")
        settings = self.collected[0].params.aggregate
        draws, seed = settings.bootstrap.draws, settings.bootstrap.seed
        options = {"draws": draws, "seed": seed, "confidence": settings.confidence}
        of_all = self.figure.kind == "correlations" and self.figure.series == "shuffle"
        found = [
            loss_correlations(values, known, method, given, pooled=pooled, **options)
            for pooled in ([False, True] if of_all and len(set(values["shuffle"])) > 1 else [False])
        ]
        return pd.concat(found, ignore_index=True)


def prompt_tables(
    figure: PromptFigure, study: Study, collected: Sequence[Collected]
) -> PromptTables:
    """Raises ValueError where no experiment has prompts, or no prompt is in each."""
    joined = partial(_joined, figure, study, collected)
    loss = joined("loss")
    if loss.empty:
        raise ValueError(f"figure {figure.title!r}: no experiment has prompts")
    measured = [set(part["prompt"]) for _, part in loss.groupby("model")]
    in_all = sorted(set.intersection(*measured))
    if not in_all:
        raise ValueError(f"figure {figure.title!r}: no prompt is in every experiment")
    corpora = {one.params.data_prep.prompts.corpus for one in collected}
    shared = in_all if len(corpora) == 1 else sorted(set.union(*measured))
    prompt = PAPERS_PROMPT if PAPERS_PROMPT in in_all else in_all[0]
    return PromptTables(figure, collected, joined, loss, shared, prompt)


def _joined(
    figure: PromptFigure, study: Study, collected: Sequence[Collected], quantity: str
) -> pd.DataFrame:
    """The tables of a quantity of all experiments, one below the other."""
    parts = []
    for one in collected:
        table, name = read_quantity(quantity, one.revision), _name(one, study)
        if figure.shuffles:
            table = rows_where(table, shuffle=figure.shuffles)
        steps = sorted(set(table["checkpoint"]), key=step_of)
        models = {at: f"{name}, {'base' if at == BASE else f'step {at}'}" for at in steps}
        if figure.series != "checkpoint":
            models = {one.checkpoint if one.checkpoint in steps else BASE: name}
        parts += [rows_where(table, checkpoint=at).assign(model=m) for at, m in models.items()]
    return pd.concat(parts, ignore_index=True).drop(columns=RUNS)


def _name(one: Collected, study: Study) -> str:
    """What tells it from the others of its study: case and grid, or the model's name."""
    varied = [str(label(one.experiment.overrides[name])) for name in study.grid]
    return ", ".join(filter(None, [one.experiment.case, *varied])) or one.model.label
