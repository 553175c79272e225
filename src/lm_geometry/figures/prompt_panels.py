"""What the figures of prompts share: a line per shuffle with the spread over prompts."""

import altair as alt

from lm_geometry.figures import channels, panels, theme

SAYS = [
    "Lines: mean over prompts. Bands: ± one standard deviation over the prompts. S: the prompt is "
    "cut into 4^S blocks,",
    "whose order is permuted. Dashed: the base model where a fine-tuned checkpoint is shown too.",
]
_NAME = (
    "datum.value < 0 ? 'all shuffles' : 'S = ' + datum.label + (datum.value == 0 ? ': the text' : "
    "': ' + format(pow(4, datum.value), ',') + ' blocks')"
)
_DASH = "datum.last_step > 0 && datum.step === 0 ? 'base' : 'fine-tuned'"


def lines(x: alt.X, y_title: str, tooltip: list[str]) -> panels.Layers:
    """Mean over `x`, a line with its band per shuffle and checkpoint."""
    encoded = (
        panels.only_records(alt.Chart())
        .transform_calculate(dash=_DASH)
        .encode(x=x, color=shuffle_colour(), detail=["corpus:N", "checkpoint:N"])
    )
    y = alt.Y("mean:Q", title=y_title, scale=alt.Scale(zero=False))
    dashes = alt.Scale(domain=theme.SIDES, range=theme.SIDE_DASHES)
    dash = alt.StrokeDash("dash:N", scale=dashes, legend=None)
    shown = [
        *("revision:N", "series:N", "checkpoint:N", "shuffle:O", "layer:O", *tooltip),
        *(*channels.interval("mean"), "prompts:Q"),
    ]
    band = encoded.mark_area(opacity=theme.BAND_OPACITY).encode(y=channels.lower(y), y2="upper:Q")
    line = encoded.mark_line(strokeWidth=1.9).encode(y=y, strokeDash=dash)
    points = encoded.mark_point(filled=True, size=16, opacity=1).encode(y=y, tooltip=shown)
    return alt.layer(band, line, points, panels.message())


def shuffle_colour() -> alt.Color:
    """Colour channel: dark to light with S."""
    scheme = alt.SchemeParams(name="plasma", extent=[0.0, 0.86])
    # A legend takes the opacity of the first layer, a band.
    legend = alt.Legend(labelExpr=_NAME, symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3)
    return alt.Color("shuffle:O", title="shuffle", scale=alt.Scale(scheme=scheme), legend=legend)
