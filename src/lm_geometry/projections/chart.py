"""Figure: the tokens of a cloud in the plane, a panel per checkpoint."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.figures.panels import records_of
from lm_geometry.figures.theme import INK, config
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.projections import colours
from lm_geometry.projections.mapped import DECIMALS, DIMENSION

SIDE = 420  # of a panel, in points
COLUMNS = 3
FULL, FADED = 0.85, 0.06
SCHEME = "viridis"
_EMBED = {
    "embedOptions": {
        "renderer": "canvas",
        "actions": {"export": True, "source": False, "compiled": False, "editor": False},
    }
}


def chart(points: pd.DataFrame, legend: str, title: str, says: Sequence[str]) -> alt.FacetChart:
    """Maps of `map_tokens`, a panel per checkpoint, with its colours explained by `legend`.

    Pointing at a token marks it in every panel; a name in the legend may be clicked, which fades
    the others; the wheel zooms all panels.
    """
    records: Any = points.assign(panel=points["checkpoint"].map(_panel))
    order = list(dict.fromkeys(records["panel"]))
    field = "colour" if "colour" in points else DIMENSION
    by_scale = field == DIMENSION or colours.is_quantity(records[field])
    if not by_scale:
        records[field] = colours.group_names(records[field])
    records = _grey_first(records, field)
    coloured = _by_scale if by_scale else _by_group
    marks = coloured(_marks(records, field, legend), records[field], legend)
    header = alt.Header(labelFontSize=13, labelFontWeight="bold", labelColor=INK, title=None)
    faceted = marks.facet(
        alt.Facet("panel:N", sort=order, header=header), columns=COLUMNS, data=records_of(records)
    )
    told = [*says, *(_of_scale(records[field]) if by_scale else [])]
    titled = faceted.properties(spacing=16, title=alt.Title(title, subtitle=told), usermeta=_EMBED)
    grey = alt.ScaleInvalidDataConfig(fill={"value": colours.MISSING})
    return titled.configure(**config(), scale=alt.ScaleConfig(invalid=grey))


def _grey_first(records: pd.DataFrame, field: str) -> pd.DataFrame:
    """The records in the order in which they are drawn: grey ones lie beneath."""
    coloured = records[field].notna() & ~records[field].isin([colours.OTHER, colours.NONE])
    return records.iloc[coloured.argsort(kind="stable")]


def _of_scale(values: pd.Series) -> list[str]:
    low, high = (f"{100 * share:g}" for share in colours.ENDS)
    missing = " Grey tokens have none." if values.isna().any() else ""
    return [f"Colours end at percentiles {low} and {high} of the values.{missing}"]


def _panel(checkpoint: str) -> str:
    return checkpoint if checkpoint == BASE else f"step {checkpoint}"


def _marks(records: pd.DataFrame, field: str, legend: str) -> alt.Chart:
    pointed = alt.selection_point(
        name="token", fields=["row"], on="pointerover", clear="pointerout", empty=False
    )
    return (
        alt.Chart()
        .mark_point(filled=True, strokeWidth=1.2, opacity=FULL, invalid=None)
        .encode(
            x=alt.X("x:Q", axis=None, scale=_scale(records, "x")),
            y=alt.Y("y:Q", axis=None, scale=_scale(records, "y")),
            size=alt.when(pointed).then(alt.value(190)).otherwise(alt.value(26)),
            stroke=alt.when(pointed).then(alt.value(INK)).otherwise(alt.value("transparent")),
            tooltip=_tooltip(records, field, legend),
        )
        .add_params(pointed, alt.selection_interval(name="zoom", bind="scales"))
        .properties(width=SIDE, height=SIDE, name="map")
    )


def _scale(records: pd.DataFrame, axis: str) -> alt.Scale:
    """Scale of one axis of all panels; both axes are as long, and distances what they are."""
    lowest, highest = records[["x", "y"]].min(), records[["x", "y"]].max()
    half = 0.52 * (highest - lowest).max()
    middle = (lowest[axis] + highest[axis]) / 2
    domain = [round(float(middle + side * half), DECIMALS) for side in (-1, 1)]
    return alt.Scale(domain=domain, nice=False, zero=False)


def _by_scale(marks: alt.Chart, values: pd.Series, legend: str) -> alt.Chart:
    scale = alt.Scale(scheme=SCHEME, domain=colours.ends(values), clamp=True)
    shown = alt.Legend(gradientLength=240, tickCount=6, titleLimit=0)
    return marks.encode(fill=alt.Fill(f"{values.name}:Q", title=legend, scale=scale, legend=shown))


def _by_group(marks: alt.Chart, names: pd.Series, legend: str) -> alt.Chart:
    groups = colours.legend(names)
    domain = [group.name for group in groups]
    clicked = alt.selection_point(name="group", fields=[str(names.name)], bind="legend")
    shapes = alt.Scale(domain=domain, range=[group.shape for group in groups])
    fills = alt.Scale(domain=domain, range=[group.colour for group in groups])
    return marks.add_params(clicked).encode(
        fill=alt.Fill(f"{names.name}:N", title=legend, scale=fills),
        shape=alt.Shape(f"{names.name}:N", title=legend, scale=shapes),
        opacity=alt.when(clicked).then(alt.value(FULL)).otherwise(alt.value(FADED)),
    )


def _tooltip(records: pd.DataFrame, field: str, legend: str) -> list[alt.Tooltip]:
    told = [name for name in ("token", "document", "position") if name in records]
    shown = [alt.Tooltip(f"{name}:N", title=name) for name in told]
    shown.append(alt.Tooltip(f"{DIMENSION}:Q", title="local dimension", format=".2f"))
    if field != DIMENSION:
        kind = "Q" if pd.api.types.is_numeric_dtype(records[field]) else "N"
        shown.append(alt.Tooltip(f"{field}:{kind}", title=legend))
    return shown
