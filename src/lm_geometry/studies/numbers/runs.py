"""From the tables and clouds of single experiments to means over runs.

With intervals, and how firm and how large a change is, be it of one run over its documents.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import reduce

import numpy as np
import pandas as pd
from pydantic import JsonValue

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.experiments.experiment import Experiment, Overrides
from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.outs.estimate.clouds import estimated_clouds, read_local
from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import read_clean_cloud, read_index, with_noise
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.statistics import Mean, adjusted_p_values
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.collection import Collected, step_of

OF_ONE_RUN = "standardised_by_documents"  # a column of the pipeline's table of changes
CONFIDENCE = 0.95
SOURCES = {"dimension": "means", "change": "changes", "difference": "differences"}
KEYS = ["checkpoint", "corpus", "split", "layer"]  # of a cloud
CELL = ["corpus", "control", "split", "layer", "n_neighbors", "checkpoint"]


def rows_of(figure: Figure, study: Study, collected: Sequence[Collected]) -> pd.DataFrame:
    """A row per experiment and cell of every layer; one per draw of a cloud for boxes.

    Columns: experiment, the study's repeats and the figure's own parameters, CELL, step, side,
    role, shown (whether the layer is), mean, lower, upper, values, documents, clouds, p_value of
    changes and differences, and hausdorff, of the shown layer, where that is asked for.
    """
    tables = []
    for one in collected:
        own = {name: value_of(one, name) for name in (*study.repeats, *figure.columns)}
        tables.append(_rows(figure, one).assign(**own, experiment=one.experiment.name))
    return pd.concat(tables, ignore_index=True)


def over_runs(rows: pd.DataFrame, figure: Figure, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """A row per cell that the figure shows: the mean over experiments, its interval, and the runs.

    The interval is Student's t over runs; of a single run it is that over documents and clouds, as
    the pipeline gives it. `over` says which. Changes and differences have also `p_value`, `effect`
    (see `p_value_and_effect`) and `adjusted_p_value`, in which layers that are not shown count too.
    """
    keys = [*figure.columns, *CELL, "step", "side", "role", "shown"]
    found = []
    for cell, group in groups(rows, keys):
        own = {} if figure.value == "dimension" else p_value_and_effect(group)
        found.append(cell | _summary(group, confidence) | own)
    table = pd.DataFrame(found)
    if figure.value != "dimension":
        table = adjusted_over_layers(table, keys)
    if figure.x != "layer" and figure.layers == "shown":
        table = table.loc[table["shown"]].reset_index(drop=True)
    return table


def of_all(
    figure: Figure, collected: Sequence[Collected], table: Callable[[Collected], pd.DataFrame]
) -> pd.DataFrame:
    """The tables of all runs as one, with `experiment` and the parameters that the figure has."""
    parts = []
    for one in collected:
        own = {name: value_of(one, name) for name in figure.columns}
        parts.append(table(one).assign(experiment=one.experiment.name, **own))
    return pd.concat(parts, ignore_index=True)


def value_of(one: Collected, name: str) -> Hashable:
    """What an experiment sets a dotted parameter to, or else what params.yaml has."""
    value = one.experiment.value(name)
    return label(reduce(getattr, name.split("."), one.params) if value is None else value)


def label(value: JsonValue) -> Hashable:
    """A parameter's value as it stands in tables: numbers and words as they are."""
    if isinstance(value, list | dict):
        return ", ".join(map(str, value)) or "none"
    return value


def refuse_mixture(figure: Figure, study: Study, experiments: Sequence[Experiment]) -> None:
    """Raises ValueError where a figure would take unlike experiments for runs of one thing."""
    if figure.kind == "violins":
        return
    known: dict[str, Overrides] = {}
    for experiment in experiments:
        own = without_repeats(experiment, study)
        shown = repr([experiment.value(name) for name in figure.columns])
        other = known.setdefault(shown, own)
        if mixed := sorted(k for k in own | other if own.get(k) != other.get(k)):
            raise ValueError(
                f"figure {figure.title!r}: its axis and panels do not tell {mixed[0]} apart; name "
                "it in `x` or `panels`, or in `repeats`"
            )


def draws(collected: Collected) -> pd.DataFrame:
    """A row per draw of a cloud (sampling_seed) at the shown layer, L, base and checkpoint.

    Columns as in the table `means`; its mean pools the draws, which here stay apart.
    """
    rows = []
    for cloud in estimated_clouds(collected.revision):
        if cloud.layer != collected.layer or cloud.checkpoint not in (BASE, collected.checkpoint):
            continue
        chosen = collected.shown(read_local(cloud, collected.revision))["value"]
        own = {"estimator": collected.estimator, "n_neighbors": collected.n_neighbors}
        own["exclude"] = collected.exclude
        size = {"mean": chosen.mean(), "values": int(np.sum(chosen.notna())), "documents": 0}
        rows.append(cloud.keys() | own | size)
    return pd.DataFrame(rows).assign(lower=float("nan"), upper=float("nan"))


def distances(collected: Collected) -> pd.DataFrame:
    """Mean over the draws of a cloud of the Hausdorff distance of clean and noisy points.

    A row per checkpoint, corpus split and layer, with the column `hausdorff`; 0 without noise.
    """
    index = read_index(collected.revision)
    rows = []
    for cloud in estimated_clouds(collected.revision):
        if cloud.layer == collected.layer:
            clean, _ = read_clean_cloud(cloud, collected.revision)
            moved = hausdorff(clean, with_noise(clean, cloud, index)).distance
            rows.append(cloud.keys() | {"hausdorff": moved})
    moved = pd.DataFrame(rows).groupby(KEYS, as_index=False, sort=False)["hausdorff"].mean()
    return pd.DataFrame(moved)


def without_repeats(experiment: Experiment, study: Study) -> Overrides:
    """What it overrides, but for what tells runs of one thing apart."""
    return {k: v for k, v in experiment.overrides.items() if k not in study.repeats}


def _rows(figure: Figure, one: Collected) -> pd.DataFrame:
    if figure.kind == "boxes":
        table = draws(one)
    else:  # of the pipeline's tables not all tell of the clouds that intervals are over
        clouds = len(one.params.token_sample.seeds)
        table = one.tables[SOURCES[figure.value]].assign(clouds=clouds)
    table = one.of_estimator(table) if figure.x == "n_neighbors" else one.shown(table)
    if figure.x != "step":
        table = rows_where(table, checkpoint=[BASE, one.checkpoint])
    table["control"] = table.get("control", "")
    table["step"] = [step_of(checkpoint) for checkpoint in table["checkpoint"]]
    table["side"] = np.where(table["checkpoint"] == BASE, "base", "fine-tuned")
    table["shown"] = table["layer"] == one.layer
    own = table["corpus"] == one.trained_on
    table["role"] = np.where(own, "fine-tuned", "control") if one.trained_on else ""
    if figure.x == "hausdorff":
        table = table.merge(distances(one), on=KEYS, how="left", validate="many_to_one")
    return table


def _summary(group: pd.DataFrame, confidence: float) -> dict[str, float | str]:
    runs, first = len(group), group.iloc[0]
    found: dict[str, float | str] = {**interval(group["mean"].to_numpy(np.float64), confidence)}
    if runs == 1:
        found |= {"lower": float(first["lower"]), "upper": float(first["upper"])}
    over = "documents" if first["clouds"] == 1 else f"documents and {first['clouds']} clouds"
    found |= {"runs": runs, "over": over if runs == 1 else "runs"}
    found["values"] = int(min(group["values"]))
    if "hausdorff" in group:
        found["hausdorff"] = float(np.mean(group["hausdorff"]))
    return found


def groups(
    table: pd.DataFrame, keys: list[str]
) -> Iterator[tuple[dict[str, Hashable], pd.DataFrame]]:
    """The rows that share their `keys`, with these, in the order of the table."""
    for values, rows in cells(table, keys, dropna=False):
        yield dict(zip(keys, values, strict=True)), rows


def mean_of_runs(values: Float64[np.ndarray, "runs"]) -> Mean:
    """The mean over runs `[runs]`, with Student's standard error; without an interval below two."""
    runs = len(values)
    if runs < 2:
        return Mean(float(values.mean()) if runs else np.nan, np.nan, np.nan, runs, runs)
    # Equal numbers may differ from their own mean by rounding, which is no spread.
    spread = float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0
    return Mean(float(values.mean()), spread / np.sqrt(runs), runs - 1.0, runs, runs)


def interval(
    values: Float64[np.ndarray, "runs"], confidence: float = CONFIDENCE
) -> dict[str, float]:
    """`mean`, `lower` and `upper` over runs `[runs]`; NaN where they are not defined."""
    mean = mean_of_runs(values)
    lower, upper = mean.interval(confidence)
    return {"mean": mean.value, "lower": lower, "upper": upper}


def p_value_and_effect(group: pd.DataFrame) -> dict[str, float]:
    """`p_value` of no change, and `effect`, of the runs that are the rows of `group`.

    Of several runs the p value is two-sided Student's t (1908) over their means, and the effect is
    their mean in units of their standard deviation (Cohen's d of one sample; Cohen 1988, ch. 2).
    Both are NaN for runs that are all alike. Of a single run they are those of the pipeline, over
    documents and clouds; NaN where its table has no p value, and no effect where it has none.
    """
    if len(group) == 1:
        row = group.iloc[0]
        found = {"p_value": float(row.get("p_value", np.nan))}
        return found | ({"effect": float(row[OF_ONE_RUN])} if OF_ONE_RUN in row else {})
    mean = mean_of_runs(group["mean"].to_numpy(dtype=np.float64))
    spread = mean.standard_error * np.sqrt(mean.values)
    return {"p_value": mean.p_value(), "effect": mean.value / spread if spread > 0 else np.nan}


def adjusted_over_layers(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """`table` with `adjusted_p_value` after `p_value`: Benjamini-Hochberg over layers.

    A family are the rows that differ in their layer alone, of all `keys` of a row.
    """
    family = [key for key in keys if key not in ("layer", "shown")]
    p_values = table.groupby(family, sort=False, dropna=False)["p_value"]
    found = table.copy()
    place = list(table.columns).index("p_value") + 1
    found.insert(place, "adjusted_p_value", p_values.transform(adjusted_p_values))
    return found
