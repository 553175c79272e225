"""Figure of null models: what was measured, what each null reads, and what that leaves."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from lm_geometry.aggregate.null_rows import KEEPS
from lm_geometry.aggregate.null_rows import MEASURED as STATES
from lm_geometry.figures import channels, panels, theme
from lm_geometry.figures.corpus_labels import corpus_labels
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.drawn import UNKNOWN, Drawn, Known, words, zero
from lm_geometry.studies.figures.lines import Y_TITLES
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.nulls import null_rows

REAL, NULL, REMAINDER = "measured", "null model", "remainder"
COLOURS = {REAL: theme.INK, NULL: theme.CORPUS_COLOURS[1], REMAINDER: theme.CORPUS_COLOURS[0]}
CELL = ["layer", "corpus", "control", "checkpoint"]
TOLD = [
    *(*CELL, "surrogate", "real", "surrogate_mean", "surrogate_deviation"),
    *("adjusted_null_p_value", "mean", "lower", "upper", "adjusted_p_value"),
]


def nulls(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """A panel per layer and corpus, a row per null model; of one run.

    Remainders of levels are in the table alone: their axis would be that of the differences.
    Raises ValueError for several runs, and for one without null models.
    """
    if len(collected) > 1:
        raise ValueError(
            f"figure {figure.title!r}: kind nulls shows one experiment, and there are "
            f"{len(collected)}"
        )
    table = null_rows(figure, collected[0]) if known.rows is None else known.rows
    data = _points(figure, table)
    level = figure.value == "dimension"
    scale = alt.Scale(type="log", nice=False, padding=12) if level else channels.snug()
    x = alt.X("value:Q", title=Y_TITLES[figure.value], scale=scale)
    lower, domain = x.copy(), list(dict.fromkeys(data["what"]))
    lower.shorthand = "lower:Q"
    names = alt.Axis(title="keeps, of the states", labelLimit=240)
    colours = alt.Scale(domain=domain, range=[COLOURS[name] for name in domain])
    encoded = alt.Chart().encode(
        y=alt.Y("name:N", sort=channels.first_of("order"), axis=names),
        yOffset=alt.YOffset("lane:N", sort=channels.first_of("lane_order")),
        color=alt.Color("what:N", title=None, scale=colours, sort=domain),
    )
    bars = encoded.mark_rule(strokeWidth=1.6).encode(x=lower, x2="upper:Q")
    tooltip = ["what:N", "name:N", "side:N", *channels.interval("value")]
    points = channels.side_points(encoded.encode(x=x, tooltip=tooltip))
    layers = [bars, *points] if level else [zero("x"), bars, *points]
    height = 30 * len(set(data["name"]))
    layered = alt.layer(*layers, data=panels.records_of(data)).properties(width=330, height=height)
    header = alt.Header(title=None, labelFontSize=12, labelFontWeight="bold", labelColor=theme.INK)
    chart = layered.facet(
        row=alt.Row("place:N", sort=channels.first_of("layer"), header=header),
        column=alt.Column("series:N", sort=channels.first_of("series_order"), header=header),
    )
    says = words(figure.says, measured, *_says(level))
    title = alt.Title(figure.title, subtitle=says)
    return Drawn(
        chart.properties(title=title).configure(**theme.config()), table, pd.DataFrame(table[TOLD])
    )


def _says(level: bool) -> list[str]:
    bars = "Bars: 95 % interval over documents"
    draws = "of null models ± one standard deviation between draws."
    if level:
        return [f"{bars}; {draws}", "Hollow: base. Full: fine-tuned."]
    return [f"{bars}, of remainders over draws as well; {draws}"]


def _points(figure: Figure, table: pd.DataFrame) -> pd.DataFrame:
    """A row per point of the chart."""
    order = {name: place for place, name in enumerate(KEEPS, 1)}
    places = {name: place for place, name in enumerate(dict.fromkeys(table["corpus"]))}
    control = table["control"] != ""
    labels = corpus_labels(dict.fromkeys([*table["corpus"], *table["control"]]))
    own, other = table["corpus"].map(labels.get), table["control"].map(labels.get)
    cell = {
        "place": "layer " + table["layer"].astype(str),
        "layer": table["layer"],
        "series": own.where(~control, own + " − " + other),
        "series_order": [places[name] for name in table["corpus"]],
        "side": table["side"],
        "split": table["split"],
    }
    named: dict[str, Mapping[str, str | int]] = {"name": KEEPS, "order": order}
    null = {name: [words[kind] for kind in table["surrogate"]] for name, words in named.items()}
    deviation = table["surrogate_deviation"]
    parts = {
        REAL: {"name": STATES, "order": 0, **_bounds(table, "real", "real_lower", "real_upper")},
        NULL: null
        | {
            "value": table["surrogate_mean"],
            "lower": table["surrogate_mean"] - deviation,
            "upper": table["surrogate_mean"] + deviation,
        },
        REMAINDER: null | _bounds(table, "mean", "lower", "upper"),
    }
    if figure.value == "dimension":
        del parts[REMAINDER]
    rows = [pd.DataFrame(cell | own).assign(what=what) for what, own in parts.items()]
    found = pd.concat(rows, ignore_index=True).drop_duplicates(ignore_index=True)
    lane = found["side"] if figure.value == "dimension" else found["what"]
    lanes = {name: place for place, name in enumerate(dict.fromkeys(lane))}
    return found.assign(lane=lane, lane_order=[lanes[name] for name in lane])


def _bounds(table: pd.DataFrame, value: str, lower: str, upper: str) -> dict[str, pd.Series]:
    names = {"value": value, "lower": lower, "upper": upper}
    return {name: pd.Series(table[own]) for name, own in names.items()}
