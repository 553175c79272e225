"""Rows of every figure for tests: plausible numbers, the control corpus before the fine-tuned."""

from itertools import product
from typing import Any

import numpy as np

from lm_geometry.aggregate.density import violin_density
from lm_geometry.figures.records import figure_records

SETTINGS = "SmolLM2 · TwoNN, CDF i/n · N = 3,000 tokens · L = 128 neighbours"
LAYERS, STEPS, SCALES = (18, 20, 22), (0, 40, 80), (2, 4, 8, 16)
READINGS = ("neighbours of other documents", "all neighbours")
SHUFFLES = (0, 5)
GROUPS = ("the", "sea", "9")
NULLS = ("the states themselves", "covariance", "token means")
CORPORA = (("encyclopaedia", "control"), ("speeches", "fine-tuned"))  # the control comes first
Records = list[dict[str, Any]]


def rows_of(figure: str, shown: int = 80) -> Records:
    """Rows of a figure: plausible numbers, no two alike."""
    cells = _cells(shown if figure != "dimension_by_checkpoint" else None)
    if figure in ("dimension_by_checkpoint", "dimension_by_layer"):
        return [
            cell | {"layer": layer} | _interval("mean", 9 + i + cell["step"] / 100 + layer / 50)
            for i, (cell, layer) in enumerate(product(cells, LAYERS))
        ]
    if figure == "layer_heat_map":
        return [
            cell
            | {"layer": layer, "mean": 9 + i / 10, "firm": layer != LAYERS[0]}
            | _interval("change", i / 10 - cell["step"] / 50)
            for i, (cell, layer) in enumerate(product(_cells(None), LAYERS))
            if cell["step"]
        ]
    if figure == "gride_by_scale":
        return [
            cell | {"layer": 20, "scale": scale} | _interval("dimension", 12 + i - scale / 10)
            for i, (cell, scale) in enumerate(product(cells, SCALES))
        ]
    return {
        "loss": _loss,
        "training": _training,
        "local_estimates": _violins,
        "difference_of_differences": _differences,
        "null_models": _null_models,
        "correlation": _correlations,
        "groups": _groups,
        "prompt_correlation": _correlations_of_prompts,
        "prompt_dimension": _prompts,
        "prompt_scales": _prompts,
        "prompt_similarity": _similarity,
    }[figure](shown)


def _cells(shown: int | None) -> Records:
    return [
        {
            "checkpoint": str(step) if step else "base",
            "step": step,
            "corpus": corpus,
            "role": role,
            "split": "validation",
        }
        for corpus, role in CORPORA
        for step in STEPS
        if shown is None or step in (0, shown)
    ]


def _null_models(shown: int) -> Records:
    """Levels of both sides, changes and the difference, measured and of two null models."""
    last = {"checkpoint": str(shown), "step": shown}
    rows = []
    for i, (corpus, role) in enumerate(CORPORA):
        own = {"corpus": corpus, "role": role, "control": ""}
        cells = [{"of": "level", "checkpoint": "base", "step": 0}, {"of": "level"} | last]
        cells += [{"of": "change"} | last]
        if role == "fine-tuned":
            cells += [{"of": "difference"} | last | {"control": CORPORA[0][0]}]
        rows += [own | cell | {"first": 10 + i} for cell in cells]
    return [
        {key: value for key, value in row.items() if key != "first"}
        | {"split": "validation", "layer": 20, "keeps": keeps, "order": order}
        | {"what": "null model" if order else "measured"}
        | _interval("value", row["first"] + (row["of"] == "level") * 20 * order + order / 10)
        for row in rows
        for order, keeps in enumerate(NULLS)
    ]


def _loss(shown: int) -> Records:
    return [
        {"step": step, "curve": "validation", "corpus": corpus, "role": role}
        | {"split": "validation", "loss": 3.5 + i / 10 - step / 1000}
        for i, (corpus, role) in enumerate(CORPORA)
        for step in STEPS
    ]


def _training(shown: int) -> Records:
    own = {"corpus": "speeches", "place": 0, "measure": "loss"}
    return [
        {"step": step, "curve": "training", "split": "train", "value": 3.8 - step / 200} | own
        for step in range(1, shown + 1)
    ] + [
        own
        | {"step": step, "curve": "validation", "split": "validation", "value": value}
        | {"measure": measure, "place": place}
        for place, measure in enumerate(("loss", "accuracy"))
        for step in STEPS
        for value in [3.5 - step / 1000 if measure == "loss" else 0.3 + step / 200]
    ]


def _violins(shown: int) -> Records:
    rows = []
    for i, cell in enumerate(_cells(shown)):
        del cell["step"]
        values = np.random.default_rng(i).gamma(30, 0.4, 400)
        described = {"mean": values.mean(), "median": float(np.median(values))}
        described |= {"standard_deviation": values.std(), "points": values.size}
        described["standardised"] = None if cell["checkpoint"] == "base" else -0.25
        cell |= {"side": "base" if cell["checkpoint"] == "base" else "fine-tuned"} | described
        for value, density in zip(*violin_density(values), strict=True):
            rows.append(cell | {"value": float(value), "density": float(density)})
    return rows


def _differences(shown: int) -> Records:
    return [
        {"checkpoint": str(step), "step": step, "shown": step == shown, "layer": layer}
        | {"corpus": "speeches", "control": "encyclopaedia", "split": "validation"}
        | _interval("difference", -step / 100 + (layer - 20) / 10)
        | {"firm": layer != LAYERS[0]}
        for step in STEPS[1:]
        for layer in LAYERS
    ]


def _correlations(shown: int) -> Records:
    return [
        cell
        | {"layer": layer, "level": level, "method": method}
        | _interval("correlation", 0.1 + i / 20 - layer / 200)
        for i, (cell, layer, level, method) in enumerate(
            product(_cells(shown), LAYERS, ("token", "sequence"), ("pearson", "spearman"))
        )
    ]


def _groups(shown: int) -> Records:
    return [
        cell
        | {"layer": 20, "grouping": "token", "group": group, "place": place, "tokens": 30}
        | _interval("mean", 12 - place + i / 10)
        for i, cell in enumerate(_cells(shown))
        for place, group in enumerate(GROUPS)
    ]


def _prompts(shown: int) -> Records:
    return [
        cell
        | {"shuffle": shuffle, "layer": layer, "scale": scale, "prompts": 4}
        | _interval("mean", 8 + shuffle + cell["step"] / 100 + layer / 50 - scale / 20)
        for cell in _measured(shown)
        for shuffle in SHUFFLES
        for layer in LAYERS
        for scale in SCALES
    ]


def _correlations_of_prompts(shown: int) -> Records:
    return [
        {"checkpoint": "base", "corpus": "encyclopaedia", "shuffle": shuffle, "layer": layer}
        | {"quantity": quantity, "place": place, "method": "spearman", "given": given}
        | _interval("correlation", 0.3 + place / 10 + shuffle / 100 - layer / 100)
        | {"prompts": 50}
        for place, quantity in enumerate(("dimension, scale 2", "mean cosine"))
        for given in ("", "types")
        for shuffle in (-1, *SHUFFLES)
        for layer in LAYERS
    ]


def _similarity(shown: int) -> Records:
    return [
        cell
        | {"shuffle": shuffle, "layer": layer, "quantity": quantity, "place": place, "prompts": 4}
        | _interval("mean", 0.4 + place + shuffle / 10 + cell["step"] / 1000 - layer / 100)
        for cell in _measured(shown)
        for shuffle in SHUFFLES
        for layer in LAYERS
        for place, quantity in enumerate(("mean cosine", "overlap"))
    ]


def _measured(shown: int) -> Records:
    steps = {"base": 0, str(shown): shown}
    return [{"checkpoint": n, "step": s, "corpus": "encyclopaedia"} for n, s in steps.items()]


def _interval(name: str, value: float) -> dict[str, float]:
    return {name: value, "lower": value - 0.2, "upper": value + 0.2}


def records_of(figure: str, **options: Any) -> Records:
    """The same rows as the figure's data file has them."""
    return figure_records(figure, rows_of(figure, **options), SETTINGS)


def read_twice(figure: str) -> Records:
    """The records of two readings: the shown one, and the published one beside it, 0.2 higher.

    Of the differences, the published reading is that of the last checkpoint alone.
    """
    value = {"difference_of_differences": "difference", "gride_by_scale": "dimension"}
    value |= {"correlation": "correlation", "layer_heat_map": "change"}
    rows = []
    for beside, name in enumerate(READINGS):
        for row in rows_of(figure):
            moved = {
                key: number + 0.2 * beside
                if key in (value.get(figure, "mean"), "lower", "upper")
                else number
                for key, number in row.items()
            }
            if not beside or figure != "difference_of_differences" or row["shown"]:
                rows.append(moved | {"reading": name, "beside": bool(beside)})
    return figure_records(figure, rows, SETTINGS)
