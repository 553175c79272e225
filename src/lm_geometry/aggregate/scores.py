"""Scores of the fine-tuned task beside the mean local dimensions of the same checkpoint."""

import pandas as pd

from lm_geometry.aggregate.means import ESTIMATE
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.workspace.tables import Row

SCORED = ["score", "score_corpus", "score_split", "score_value"]
MEAN = ["mean", "lower", "upper"]


def score_rows(means: pd.DataFrame) -> list[Row]:
    """A row per cell of `means` and score that its checkpoint has.

    Joined by optimiser step, of which base is 0: a score is the model's, so that it stands beside
    the estimates of every corpus, split and layer. Scores of steps that were not embedded are left
    out.
    """
    scores = pd.DataFrame(read_scores(), columns=["step", "corpus", "split", "score", "value"])
    renamed = {"corpus": "score_corpus", "split": "score_split", "value": "score_value"}
    steps = [0 if name == BASE else int(name) for name in means["checkpoint"]]
    cells = means[[*ESTIMATE, *MEAN]].assign(step=pd.Series(steps, index=means.index, dtype=int))
    scored = scores.rename(columns=renamed).astype({"step": int})
    joined = cells.merge(scored, on="step").loc[:, [*ESTIMATE, *SCORED, *MEAN]]
    return [{str(name): value for name, value in row.items()} for row in joined.to_dict("records")]
