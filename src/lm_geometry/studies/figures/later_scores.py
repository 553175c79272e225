"""Does the mean local dimension tell how a score will change later, and better than the loss?"""

import math
from typing import Any

import altair as alt
import pandas as pd

from lm_geometry.aggregate.heuristic import held_out, heuristic_pairs, heuristic_rows
from lm_geometry.figures import channels, panels, theme
from lm_geometry.figures.records import Record
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.studies.definition import Figure
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.runs import CONFIDENCE

DRAWS, SEED = 1000, 0  # of a single run's checkpoints, where there is but one
PAIRS = {
    ("previous", "next"): "change since the previous checkpoint, gain until the next",
    ("base", "last"): "change since base, gain until the last",
}
COLOURS = dict(zip(PAIRS.values(), theme.CORPUS_COLOURS, strict=False))
SAYS = [
    "Points: Spearman's correlation of a signal's change at a checkpoint with the score's later "
    "gain, mean over runs.",
    "Bars: 95 % interval over runs (Student's t). Below 0: what fell gets better, as the "
    "heuristic expects.",
]
WIDTH, ROW = 420, 30


def drawn(
    figure: Figure, collected: list[Collected], measured: str
) -> tuple[pd.DataFrame, panels.Panels]:
    """The correlations over all runs of the study, and their chart.

    A row per signal (mean local dimension of each layer, validation loss), score, and pair of
    changes; the pairs are those of `aggregate.heuristic`. `measured` tells of the estimates.
    """
    pairs = {}
    for one in collected:
        means: Any = one.tables["means"]
        shown = (means["estimator"] == one.estimator) & (means["n_neighbors"] == one.n_neighbors)
        scores = held_out(read_scores(one.revision))
        pairs[one.experiment.name] = heuristic_pairs(means[shown], scores)
    found = pd.DataFrame(heuristic_rows(pairs, CONFIDENCE, DRAWS, SEED))
    if not len(found):
        raise ValueError(f"figure {figure.title!r}: its runs have no scores at two checkpoints")
    return found, chart(figure, _records(found, measured))


def chart(figure: Figure, data: list[Record]) -> panels.Panels:
    """Correlations with their intervals, a row per signal and a panel per score.

    Records have signal_name, order, pair, score_name, correlation, lower, upper, runs, settings.
    """
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    legend = alt.Legend(symbolOpacity=1, orient="bottom", labelLimit=420, direction="vertical")
    names = alt.Axis(labelLimit=240, domain=False, ticks=False, grid=True)
    title = "rank correlation with the score's later gain"
    x = alt.X("correlation:Q", title=title, scale=alt.Scale(domain=[-1, 1]))
    encoded = panels.only_records(alt.Chart()).encode(
        y=alt.Y("signal_name:N", title=None, sort=channels.first_of("order"), axis=names),
        yOffset=alt.YOffset("pair:N", sort=list(COLOURS)),
        color=alt.Color("pair:N", title=None, scale=scale, legend=legend),
    )
    tooltip = ["signal_name:N", "pair:N", "runs:Q", *channels.interval("correlation")]
    points = encoded.mark_point(filled=True, size=60, opacity=1).encode(x=x, tooltip=tooltip)
    bars = encoded.mark_rule(strokeWidth=1.6).encode(x=alt.X("lower:Q", title=title), x2="upper:Q")
    zero = alt.Chart().transform_aggregate(records="count()").encode(x=alt.datum(0))
    rule = zero.mark_rule(color=theme.INK, strokeWidth=1.2)
    height = ROW * len({record["signal_name"] for record in data})
    layered = alt.layer(rule, bars, points, panels.message())
    layered = layered.properties(width=WIDTH, height=height)
    score = alt.Facet("score_name:N", sort=channels.first_of("score_order"))
    return panels.panels(
        panels.cells(layered, score, columns=2),
        data,
        figure.title,
        [line for line in [figure.says, *SAYS] if line],
    )


def _records(found: pd.DataFrame, measured: str) -> list[Record]:
    scores = list(dict.fromkeys(found["score"]))
    records = []
    for row in found.to_dict("records"):
        pair = PAIRS.get((row["since"], row["until"]))
        if pair is None:
            continue
        of_loss = row["signal"] == "loss"
        name = "validation loss" if of_loss else f"dimension, layer {row['layer']:g}"
        records.append(
            {
                "signal_name": name,
                "order": 1e6 if of_loss else row["layer"],
                "pair": pair,
                "score_name": row["score"].replace("_", " "),
                "score_order": scores.index(row["score"]),
                "settings": measured,
                "corpus": "",
                "role": None,
                **{k: _null(row[k]) for k in ("correlation", "lower", "upper", "runs")},
            }
        )
    return records


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
