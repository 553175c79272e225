"""The page of a study's results: question, settings, figures, numbers, provenance."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from pandas.api.types import is_numeric_dtype

from lm_geometry.experiments.experiment import written
from lm_geometry.studies.definition import LATER_SCORES, Figure, Study
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.studies.report.templates import template
from lm_geometry.workspace.hashes import library_versions

MOST_ROWS = 60
TESTED = ("p_value", "adjusted_p_value", "effect")
MEASURED = ("hausdorff", "mean", "lower", "upper", *TESTED, "sd", "runs", "over", "draws")
DIGITS = {"p_value": 2, "adjusted_p_value": 2, "effect": 3}  # of others 4
Shown = list[tuple[Figure | PromptFigure, str, pd.DataFrame]]


@dataclass(frozen=True)
class Part:
    """What the page has of one figure: `columns` of its numbers, the `layers` that they are of."""

    kind: str
    title: str
    stem: str
    table: str = ""
    columns: Sequence[str] = ()
    layers: Sequence[int] = ()
    of_prompts: bool = False


def page(name: str, study: Study, collected: list[Collected], shown: Shown) -> str:
    """Markdown text of studies/results/NAME/README.md."""
    varied = [
        {key: value for key, value in one.experiment.overrides.items() if key not in study.fixed}
        for one in collected
    ]
    experiments = {
        "experiment": [one.experiment.name for one in collected],
        "overrides": [", ".join(f"`{k}={written(v)}`" for k, v in own.items()) for own in varied],
        "commit": [one.commit[:10] for one in collected],
    }
    models = (one.model for one in collected)
    return template("page.md").render(
        name=name,
        study=study,
        figures=[_part(figure, stem, rows) for figure, stem, rows in shown],
        experiments=_table(pd.DataFrame(experiments)),
        started=dict.fromkeys(f"`{one.started_from[:10]}`" for one in collected),
        models=dict.fromkeys(f"{m.label} ({m.weights}): `{m.source}`" for m in models),
        versions=", ".join(f"{key} {number}" for key, number in library_versions().items()),
    )


def _part(figure: Figure | PromptFigure, stem: str, rows: pd.DataFrame) -> Part:
    """A figure's own numbers; of many layers those of the shown one."""
    named = (figure.kind, figure.title, stem)
    if isinstance(figure, PromptFigure) or figure.kind in (LATER_SCORES, "leads"):
        table, of_prompts = "" if rows.empty else _table(rows), isinstance(figure, PromptFigure)
        return Part(*named, table, list(rows.columns), of_prompts=of_prompts)
    if figure.kind in ("violins", "curves"):
        return Part(*named)
    if figure.kind == "boxes":
        keys = [*figure.columns, "corpus", "control", "split", "layer", "checkpoint", "shown"]
        means = rows.groupby(keys, sort=False)["mean"]
        rows = means.agg(mean="mean", sd="std", draws="count").reset_index()
    chosen = rows.loc[rows["shown"]]
    layers = [] if all(rows["shown"]) else sorted(set(chosen["layer"]))
    names = [*figure.columns, "corpus", "control", "split", "n_neighbors", "layer", "checkpoint"]
    varied = [n for n in names if n in chosen and len(chosen.groupby(n, dropna=False)) > 1]
    columns = list(dict.fromkeys([*varied, *(n for n in MEASURED if n in chosen)]))
    table = _table(chosen[columns]) if len(chosen) <= MOST_ROWS else ""
    return Part(*named, table, columns, layers)


def _table(table: pd.DataFrame) -> str:
    digits = [f".{DIGITS.get(name, 4)}g" for name in table.columns]
    words = [at for at, kind in enumerate(table.dtypes) if not is_numeric_dtype(kind)]
    # As objects, since whole numbers beside others would be written as those are.
    whole = table.astype(object)
    return whole.to_markdown(index=False, floatfmt=digits, disable_numparse=words)
