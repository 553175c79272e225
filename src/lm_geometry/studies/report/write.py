"""What a study leaves in studies/results/NAME: tables, figures, and a page that tells of them."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.figures import local_estimates
from lm_geometry.figures.export import render
from lm_geometry.studies.definition import DRAWN, FOLDER, LATER_SCORES, OVER_STEPS, Figure, Study
from lm_geometry.studies.figures import later_scores, lines, over_steps, prompts
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.numbers.collection import TABLES, Collected
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.studies.report import page
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.tables import write_table

ESTIMATORS = {"twonn": "TwoNN", "lpca": "lPCA", "mle": "Levina–Bickel MLE"}
PROMPT_TABLES = ("prompt_means", "prompt_peaks", "prompt_shuffles", "prompt_correlations")
DRAWS = "Points: one draw of a cloud each. Hollow: base. Full: fine-tuned. Boxes: quartiles."
WORDS = {
    "model.name": "model",
    "data_prep.train": "trained on",
    "model.weights": "weights",
    "case": "",
}


def write_report(
    name: str, study: Study, collected: list[Collected], folder: Path = FOLDER / "results"
) -> list[Path]:
    """The files written to `folder/<name>`: the same results give the same bytes."""
    place = folder / name
    written, shown = [], []
    for figure, stem in zip(study.figures, _stems(study.figures), strict=True):
        if figure.kind in OVER_STEPS:
            tables, chart = over_steps.drawn(figure, collected, _measured(figure, collected[0]))
            rows = tables["csv"]
            write_table(place / f"{stem}.parquet", tables["parquet"])
            written.append(place / f"{stem}.parquet")
        else:
            rows, chart = _drawn(figure, study, collected)
        for suffix, content in render(chart).items():
            written.append(_write(place / f"{stem}.{suffix}", content))
        if rows is not None:
            written.append(_write(place / f"{stem}.csv", _csv(rows)))
        shown.append((figure, stem, rows))
    more = study.prompt_figures
    for figure, stem in zip(more, _prompt_stems(more), strict=True):
        found = prompts.drawn(figure, study, collected)
        for suffix, content in render(found.chart).items():
            written.append(_write(place / f"{stem}.{suffix}", content))
        written.append(_write(place / f"{stem}.csv", _csv(found.rows)))
        shown.append((figure, stem, found.told))
    for table in (*(TABLES if study.figures else ()), *(PROMPT_TABLES if more else ())):
        path = place / f"{table}.parquet"
        write_table(path, _joined(table, study, collected))
        written.append(path)
    if study.text:
        written.append(_write(place / DRAWN, study.text.encode()))
    text = page.page(name, study, collected, shown)
    return [*written, _write(place / "README.md", text.encode())]


def _drawn(
    figure: Figure, study: Study, collected: list[Collected]
) -> tuple[pd.DataFrame | None, alt.FacetChart]:
    """The rows behind a figure, and its chart; violins have no rows but their densities."""
    if figure.kind == "violins":
        return None, _violins(figure, _first_runs(study, collected))
    if figure.kind == LATER_SCORES:
        return later_scores.drawn(figure, collected, _measured(figure, collected[0]))
    rows = runs.rows_of(figure, study, collected)
    if figure.kind == "boxes":
        records = _records(figure, rows.rename(columns={"mean": "value"}), collected[0])
        return rows, lines.boxes(figure, records, _says(figure, [DRAWS]))
    table = runs.over_runs(rows, figure)
    records = _records(figure, table.rename(columns={"mean": "value"}), collected[0])
    says = _says(figure, [_intervals(table), _firm(figure, collected)])
    return table, lines.lines(figure, records, says)


def _violins(figure: Figure, collected: list[Collected]) -> alt.FacetChart:
    records = [
        {**record, "rev": one.experiment.name}
        for one in collected
        for record in one.revision.read_json(paths.figure_data("local_estimates"))
    ]
    chart = local_estimates.chart(records)
    subtitle = chart.to_dict()["title"]["subtitle"]
    return chart.properties(title=alt.Title(figure.title, subtitle=[*_says(figure, []), *subtitle]))


def _first_runs(study: Study, collected: list[Collected]) -> list[Collected]:
    """The first of the experiments that differ in repeats alone."""
    first: dict[str, Collected] = {}
    for one in collected:
        own = {k: v for k, v in one.experiment.overrides.items() if k not in study.repeats}
        first.setdefault(repr(own), one)
    return list(first.values())


def _records(figure: Figure, table: Any, first: Collected) -> list[dict[str, Any]]:
    order = {value: place for place, value in enumerate(dict.fromkeys(table[figure.x]))}
    records = []
    for row in table.to_dict("records"):
        own = {"x": row[figure.x], "x_order": order[row[figure.x]]}
        if "adjusted_p_value" in row:  # one that is undefined is not firm
            own["firm"] = row["adjusted_p_value"] <= 1 - runs.CONFIDENCE
        corpus = f"{row['corpus']} − {row['control']}" if row["control"] else row["corpus"]
        role = None if row["control"] else row["role"] or None
        settings = " · ".join([*_panel(figure, row), _measured(figure, first)])
        records.append({**row, **own, "corpus": corpus, "role": role, "settings": settings})
    if figure.x_scale == "log":
        records = [record for record in records if record["x"] > 0]
    return [{key: _null(value) for key, value in record.items()} for record in records]


def _panel(figure: Figure, row: dict[Any, Any]) -> list[str]:
    return [f"{WORDS.get(name, name)} {row[name]}".strip() for name in figure.panels]


def _measured(figure: Figure, first: Collected) -> str:
    """What all panels have in common: estimator, points, L, layer."""
    parts = [f"local {ESTIMATORS[first.estimator]}"]
    if first.estimator == "twonn":
        parts[0] += f", CDF {first.params['estimate']['cdf']}"
    if figure.x != "token_sample.points":
        parts.append(f"N = {_points(first):,} tokens")
    if figure.x != "n_neighbors":
        parts.append(f"L = {first.n_neighbors:g} neighbours")
    if figure.kind in OVER_STEPS or (figure.x != "layer" and figure.layers == "shown"):
        parts.append(f"layer {first.layer}")
    return " · ".join(parts)


def _points(one: Collected) -> int:
    """Points of the largest cloud."""
    return int(max(one.tables["means"]["points"].tolist()))


def _says(figure: Figure, more: list[str]) -> list[str]:
    return [line for line in [figure.says, *more] if line]


def _intervals(table: pd.DataFrame) -> str:
    counts = sorted(set(table["runs"]))
    if counts == [1]:
        drawn = " or ".join(dict.fromkeys(table["over"]))
        return f"Points: one run. Bars: 95 % interval over its {drawn}; another run moves it more."
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Points: mean over {number} runs. Bars: 95 % interval over runs (Student's t)."


def _firm(figure: Figure, collected: list[Collected]) -> str:
    """What hollow points of changes and differences mean; of dimensions they are base."""
    if figure.value == "dimension":
        return ""
    if all(len(set(one.tables["means"]["layer"])) == 1 for one in collected):
        return f"Hollow: not firm (p above {1 - runs.CONFIDENCE:.2g})."
    return "Hollow: not firm once all layers are counted (Benjamini–Hochberg)."


def _joined(table: str, study: Study, collected: list[Collected]) -> pd.DataFrame:
    """One table of every experiment, with the experiment's name and what varies."""
    varied = dict.fromkeys(
        [*study.repeats, *study.grid, *(key for own in study.cases.values() for key in own)]
    )
    parts = []
    for one in collected:
        own = {name: str(runs.label(one.experiment.overrides.get(name))) for name in varied}
        rows = one.tables.get(table)
        if rows is None:
            rows = one.revision.read_table(paths.table(table))
        parts.append(rows.assign(experiment=one.experiment.name, **own))
    return pd.concat(parts, ignore_index=True)


def _stems(figures: list[Figure]) -> list[str]:
    """File names of figures, different ones."""
    stems: list[str] = []
    for figure in figures:
        last = figure.x.rpartition(".")[2]
        own = figure.kind in ("violins", LATER_SCORES, *OVER_STEPS)
        stem = figure.kind if own else f"{figure.value}_by_{last}"
        stem += "_boxes" if figure.kind == "boxes" else ""
        stems.append(stem if stem not in stems else f"{stem}_{len(stems) + 1}")
    return stems


def _prompt_stems(figures: list[PromptFigure]) -> list[str]:
    """File names of figures of prompts, different ones."""
    stems: list[str] = []
    for figure in figures:
        words = [figure.kind] if figure.kind == "correlations" else [figure.quantity, figure.kind]
        stem = "_".join(["prompt", *words])
        stems.append(stem if stem not in stems else f"{stem}_{len(stems) + 1}")
    return stems


def _csv(table: pd.DataFrame) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in row])
    return text.getvalue().encode()


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, content: bytes) -> Path:
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return path
