"""Does the mean local dimension tell how a score will change later, and better than the loss?"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from lm_geometry.aggregate.heuristic import held_out, heuristic_pairs, heuristic_rows
from lm_geometry.figures import channels, panels, theme
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.studies.definition import Figure, Study
from lm_geometry.studies.figures.drawn import Drawn, by_signal, with_bars, words
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.numbers.effects import CONFIDENCE

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
LEGEND = alt.Legend(symbolOpacity=1, orient="bottom", labelLimit=420, direction="vertical")


def drawn(figure: Figure, study: Study, collected: Sequence[Collected], measured: str) -> Drawn:
    """Correlations over all runs of the study with their intervals, a panel per score.

    A row per signal (mean local dimension of each layer, validation loss), score, and pair of
    changes; the pairs are those of `aggregate.heuristic`. `measured` tells of the estimates.
    """
    pairs = {
        one.experiment.name: heuristic_pairs(
            one.shown(one.tables["means"]), held_out(read_scores(one.revision))
        )
        for one in collected
    }
    found = pd.DataFrame(heuristic_rows(pairs, CONFIDENCE, DRAWS, SEED))
    if not len(found):
        raise ValueError(f"figure {figure.title!r}: its runs have no scores at two checkpoints")
    data = _with_words(found, measured)
    encoded = by_signal("signal_name", "pair", COLOURS, None, LEGEND)
    title = "rank correlation with the score's later gain"
    x = alt.X("correlation:Q", title=title, scale=alt.Scale(domain=[-1, 1]))
    tooltip = ["signal_name:N", "pair:N", "runs:Q", *channels.interval("correlation")]
    points = encoded.mark_point(filled=True, size=60, opacity=1).encode(x=x, tooltip=tooltip)
    layered = with_bars(encoded, title, [points])
    layered = layered.properties(width=WIDTH, height=ROW * len(set(data["signal_name"])))
    score = alt.Facet("score_name:N", sort=channels.first_of("score_order"))
    cells = panels.cells(layered, score, columns=2)
    says = words(figure.says, *SAYS)
    return Drawn(panels.panels(cells, data, figure.title, says), found, found)


def _with_words(found: pd.DataFrame, measured: str) -> pd.DataFrame:
    scores = list(dict.fromkeys(found["score"]))
    of_loss = found["signal"] == "loss"
    pairs = [PAIRS.get(pair) for pair in zip(found["since"], found["until"], strict=True)]
    data = pd.DataFrame(
        {
            "signal_name": [
                "validation loss" if loss else f"dimension, layer {layer:g}"
                for loss, layer in zip(of_loss, found["layer"], strict=True)
            ],
            "order": np.where(of_loss, 1e6, found["layer"]),
            "pair": pairs,
            "score_name": found["score"].str.replace("_", " "),
            "score_order": found["score"].map(scores.index),
            "settings": measured,
            "corpus": "",
            "role": None,
        }
    )
    return data.join(found[["correlation", "lower", "upper", "runs"]]).dropna(subset=["pair"])
