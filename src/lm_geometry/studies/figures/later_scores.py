"""Does the mean local dimension tell how a score will change later, and better than the loss?"""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from lm_geometry.aggregate.heuristic import held_out, heuristic_pairs, heuristic_rows
from lm_geometry.figures import channels, panels, theme
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.drawn import UNKNOWN, Drawn, Known, words
from lm_geometry.studies.figures.signal_rows import by_signal, with_bars
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.runs import CONFIDENCE

DRAWS, SEED = 1000, 0  # of a single run's checkpoints, where there is but one
PAIRS = {
    ("previous", "next"): "change since the previous checkpoint, gain until the next",
    ("base", "last"): "change since base, gain until the last",
}
PAIR_COLOURS = dict(zip(PAIRS.values(), theme.CORPUS_COLOURS, strict=False))
PAIRS_SAY = [
    "Points: Spearman's correlation of a signal's change at a checkpoint with the score's later "
    "gain, mean over runs.",
    "Bars: 95 % interval over runs (Student's t). Below 0: what fell gets better, as the "
    "heuristic expects.",
]
BELOW = alt.Legend(symbolOpacity=1, orient="bottom", labelLimit=420, direction="vertical")


def later_scores(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Correlations over all runs of the study with their intervals, a panel per score.

    A row per signal (mean local dimension of each layer, validation loss), score, and pair of
    changes; the pairs are those of `aggregate.heuristic`. `measured` tells of the estimates.
    """
    found = known.rows
    if found is None:
        pairs = {
            one.experiment.name: heuristic_pairs(
                one.shown(one.tables["means"]), held_out(read_scores(one.revision))
            )
            for one in collected
        }
        found = pd.DataFrame(heuristic_rows(pairs, CONFIDENCE, DRAWS, SEED))
    if not len(found):
        raise ValueError(f"figure {figure.title!r}: its runs have no scores at two checkpoints")
    data = _with_signals(found, measured)
    encoded = by_signal("signal_name", "pair", PAIR_COLOURS, None, BELOW)
    title = "rank correlation with the score's later gain"
    x = alt.X("correlation:Q", title=title, scale=alt.Scale(domain=[-1, 1]))
    tooltip = ["signal_name:N", "pair:N", "runs:Q", *channels.interval("correlation")]
    points = encoded.mark_point(filled=True, size=60, opacity=1).encode(x=x, tooltip=tooltip)
    height = 30 * len(set(data["signal_name"]))
    layered = with_bars(encoded, title, [points]).properties(width=420, height=height)
    score = alt.Facet("score_name:N", sort=channels.first_of("score_order"))
    cells = panels.cells(layered, score, columns=2)
    says = words(figure.says, *PAIRS_SAY)
    return Drawn(panels.panels(cells, data, figure.title, says), found, found)


def _with_signals(found: pd.DataFrame, measured: str) -> pd.DataFrame:
    of_loss, scores = found["signal"] == "loss", list(dict.fromkeys(found["score"]))
    layers = "dimension, layer " + found["layer"].map("{:g}".format)
    pairs = [PAIRS.get(pair) for pair in zip(found["since"], found["until"], strict=True)]
    told = {
        "signal_name": layers.mask(of_loss, "validation loss"),
        "order": found["layer"].mask(of_loss, 1e6),
        "pair": pairs,
        "score_name": found["score"].str.replace("_", " "),
        "score_order": found["score"].map(scores.index),
    }
    data = found[["correlation", "lower", "upper", "runs"]].assign(**told)
    return data.dropna(subset=["pair"]).assign(settings=measured, corpus="", role=None)
