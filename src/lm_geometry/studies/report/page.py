"""The page of a study's results: question, settings, figures, numbers, provenance."""

from typing import Any

import pandas as pd

from lm_geometry.experiments.experiment import written
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.studies.definition import LATER_SCORES, Figure, Study
from lm_geometry.studies.figures.prompt_figure import PromptFigure
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.workspace.hashes import library_versions

MOST_ROWS = 60
TESTED = ("p_value", "adjusted_p_value", "effect")
MEASURED = ("hausdorff", "mean", "lower", "upper", *TESTED, "sd", "runs", "over", "draws")
DIGITS = {"p_value": 2, "adjusted_p_value": 2, "effect": 3}  # of others 4
FIRM = (
    "`p_value`: of no change, two-sided (Student's t, over what the interval is over; `nan` where "
    "nothing varies); `adjusted_p_value`: once all layers are counted (Benjamini–Hochberg)"
)
EFFECT = (
    "; `effect`: the mean in standard deviations of the runs, or of the documents' mean changes "
    "where there is one run"
)
BEST = (
    "The largest correlation over the layers. It was looked for, so it is too large by chance, and "
    "its interval does not know of the search."
)
LEADS = (
    "Steps from the peak of a signal, or from its fall by a tenth, to the first step of a "
    "validation accuracy; negative where the signal came later. `reached`: runs that reach that "
    "accuracy; `warned`: those of them whose event came before; `false_alarms`: runs with the "
    "event that never reach it. A signal that falls from the start, as the train loss does, "
    "has long leads and tells nothing of when."
)
PAIRS = (
    "`correlation`: mean over `runs` of each run's Spearman correlation over its checkpoints, of "
    "what the signal did `since` then with how much better the score gets `until` later; `pairs`: "
    "checkpoints of all runs."
)
Shown = list[tuple[Figure | PromptFigure, str, pd.DataFrame | None]]


def page(name: str, study: Study, collected: list[Collected], shown: Shown) -> str:
    """Markdown text of studies/results/NAME/README.md."""
    parts = [
        f"# {name}\n\n{study.question}\n",
        f"Made by `lm-geometry study {name}`; do not edit. The study itself, with what is "
        f"published and what to expect, is [studies/{name}.yaml](../../{name}.yaml).\n",
    ]
    for figure, stem, rows in shown:
        parts.append(f"## {figure.title}\n\n![{figure.title}]({stem}.svg)\n")
        if isinstance(figure, PromptFigure):
            parts.append(_of_prompts(stem, rows))
        elif rows is not None:
            parts.append(_numbers(figure, stem, rows))
    parts += [_experiments(study, collected), _provenance(study, collected)]
    return "\n".join(parts)


def _numbers(figure: Figure, stem: str, rows: Any) -> str:
    """The figure's own numbers; of many layers those of the shown one."""
    if figure.kind == "curves":
        return f"All numbers: [{stem}.csv]({stem}.csv).\n"
    if figure.kind == LATER_SCORES:
        return f"{_table(rows)}\n\n{PAIRS}\n"
    if figure.kind == "leads":
        return f"{_table(rows)}\n\n{LEADS} Single runs: `{stem}.parquet`.\n"
    if figure.kind == "boxes":
        rows = _over_draws(figure, rows)
    chosen = rows[rows["shown"]]
    told = f"All numbers: [{stem}.csv]({stem}.csv)."
    if not rows["shown"].all():
        told += f" Here those of layer {', '.join(map(str, sorted(set(chosen['layer']))))}."
    names = [*figure.columns, "corpus", "control", "split", "n_neighbors", "layer", "checkpoint"]
    varied = [n for n in names if n in chosen and chosen[n].nunique(dropna=False) > 1]
    columns = list(dict.fromkeys([*varied, *(n for n in MEASURED if n in chosen)]))
    if "p_value" in chosen:
        told = f"{FIRM}{EFFECT if 'effect' in chosen else ''}.\n\n{told}"
    if len(chosen) > MOST_ROWS:
        return told + "\n"
    return f"{_table(chosen[columns])}\n\n{told}\n"


def _of_prompts(stem: str, told: pd.DataFrame | None) -> str:
    """What a figure of prompts comes down to: peaks, or the largest correlations."""
    every = f"All numbers: [{stem}.csv]({stem}.csv).\n"
    if told is None or told.empty:
        return every
    if "value" not in told:
        return f"Where the mean over prompts is largest:\n\n{_table(told)}\n\n{every}"
    return f"{BEST}\n\n{_table(told)}\n\n{every}"


def _over_draws(figure: Figure, rows: Any) -> Any:
    keys = [*figure.columns, "corpus", "control", "split", "layer", "checkpoint", "shown"]
    means = rows.groupby(keys, sort=False)["mean"]
    return means.agg(mean="mean", sd="std", draws="count").reset_index()


def _experiments(study: Study, collected: list[Collected]) -> str:
    rows = [
        {
            "experiment": one.experiment.name,
            "overrides": ", ".join(
                f"`{key}={written(value)}`"
                for key, value in one.experiment.overrides.items()
                if key not in study.fixed
            ),
            "commit": one.commit[:10],
        }
        for one in collected
    ]
    common = "\n".join(
        f"- `{key}={written(study.replaced(value))}`" for key, value in study.fixed.items()
    )
    text = f"## Experiments\n\n{_table(pd.DataFrame(rows))}\n"
    return text + (f"\nAll of them also have:\n\n{common}\n" if common else "")


def _provenance(study: Study, collected: list[Collected]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in library_versions().items())
    models = dict.fromkeys(one.model for one in collected)
    sources = "\n".join(f"- {_model(model)}" for model in models)
    started = dict.fromkeys(f"`{one.started_from[:10]}`" for one in collected)
    return (
        f"## Provenance\n\nThe code is that of {', '.join(started)}; with the overrides above it "
        "gives these numbers. The commits above are the experiments' own, with `params.yaml` and "
        "`dvc.lock`: they are where the study was run, and where `dvc exp push` has sent them.\n\n"
        f"{sources}\n- figures drawn with {versions}\n"
    )


def _model(model: ModelSource) -> str:
    return f"{model.label} ({model.weights}): `{model.source}`"


def _table(table: Any) -> str:
    head = "| " + " | ".join(map(str, table.columns)) + " |\n" + "|---" * len(table.columns) + "|"
    digits = [DIGITS.get(name, 4) for name in table.columns]
    rows = [
        "| " + " | ".join(map(_cell, row, digits)) + " |" for row in table.itertuples(index=False)
    ]
    return "\n".join([head, *rows])


def _cell(value: Any, digits: int) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
