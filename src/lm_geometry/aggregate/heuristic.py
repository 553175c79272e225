"""Does a change of the mean local dimension tell how a task score will change later?

"Less is More" proposes it as a practical heuristic: a falling mean dimension announces better
scores. It is put to the test here beside the usual signal, the validation loss.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import Keys, cells
from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_run import Score
from lm_geometry.statistics.checkpoint_correlation import over_runs, within_run
from lm_geometry.workspace.tables import Row

LOWER_IS_BETTER = ("loss", "loss_class", "loss_span", "loss_refer", "perplexity")
NEITHER = ("weight_norm", "learning_rate", "oracle_joint_goal")  # good or bad
SCORE = ["corpus", "split", "score"]
CELL = ["corpus", "split", "layer", "exclude", "estimator", "n_neighbors"]
KEYS = ["signal", *CELL, "score", "score_split", "since", "until"]
RESULT = ["correlation", "lower", "upper", "pairs", "runs"]


def held_out(found: Sequence[Score]) -> pd.DataFrame:
    """Scores `step, corpus, split, score, value` of a run's checkpoints; none: an empty table.

    Of a model that is measured on what it learns from as well, only held-out scores count.
    """
    records = [r for r in found if r["split"] != "train" and r["score"] not in NEITHER]
    return pd.DataFrame(records, columns=["step", *SCORE, "value"])


def heuristic_pairs(means: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """A row per checkpoint, signal and score: what the signal did until then, the score after it.

    Signals are the mean local dimension (of its cells in `means`) and the validation loss (of
    `scores`), each on the corpus of the score; `change` is that since `base` or since the
    `previous` checkpoint. `improvement` is how much better the score gets until the `next` or the
    `last` checkpoint: its change, with its sign turned where less is better (loss, perplexity).
    """
    nothing = pd.DataFrame(columns=[*KEYS, "step", "change", "improvement"])
    if not len(scores):
        return nothing
    parts = [part for part in (_dimensions(means), _losses(scores)) if len(part)]
    if not parts:
        return nothing
    signals = pd.concat(parts, ignore_index=True)
    before, after = cells(signals, ["signal", *CELL], dropna=False), cells(scores, SCORE)
    changes = pd.concat([_changes(k, t) for k, t in before], ignore_index=True)
    improvements = pd.concat([_improvements(k, t) for k, t in after], ignore_index=True)
    return changes.merge(improvements, on=["corpus", "step"]).reindex(columns=list(nothing))


def heuristic_rows(
    runs: Mapping[str, pd.DataFrame], confidence: float, draws: int, seed: int
) -> list[Row]:
    """Spearman's correlation of `change` and later `improvement`, a row per signal and score.

    `runs` are the `heuristic_pairs` of each run. The heuristic expects a negative one of either
    signal: what fell gets better. Of one run the interval is by resampling its checkpoints; of
    several it is Student's t over the correlations of each (see `over_runs`).
    """
    tables = [pairs.assign(run=name) for name, pairs in runs.items() if len(pairs)]
    if not tables:
        return []
    rows = []
    for keys, table in cells(pd.concat(tables, ignore_index=True), KEYS, dropna=False):
        by_run = [
            (part["change"].to_numpy(), part["improvement"].to_numpy())
            for _, part in table.groupby("run", sort=False)
        ]
        if len(by_run) == 1:
            found = within_run(*by_run[0], confidence, np.random.default_rng(seed), draws)
        else:
            found = over_runs(by_run, confidence)
        counted = {"pairs": sum(len(change) for change, _ in by_run), "runs": len(by_run)}
        result = dict(zip(RESULT[:3], found, strict=True))
        rows.append(dict(zip(KEYS, keys, strict=True)) | result | counted)
    return rows


def _dimensions(means: pd.DataFrame) -> pd.DataFrame:
    means = means.loc[means["level"] == OF_TOKENS["level"]]
    steps = [0 if name == BASE else int(name) for name in means["checkpoint"]]
    found = means[CELL].assign(signal="dimension", step=steps, value=means["mean"])
    return found.dropna(subset=["value"])


def _losses(scores: pd.DataFrame) -> pd.DataFrame:
    losses = scores.loc[scores["score"] == "loss", ["corpus", "split", "step", "value"]]
    return losses.assign(signal="loss", layer=np.nan, exclude="", estimator="", n_neighbors=np.nan)


def _changes(keys: Keys, table: pd.DataFrame) -> pd.DataFrame:
    """Changes of one signal since base and since the previous checkpoint."""
    ordered = table.sort_values("step")
    value, named = ordered["value"].to_numpy(), dict(zip(["signal", *CELL], keys, strict=True))
    steps = ordered["step"].to_numpy()
    since = {"previous": np.diff(value)}
    if len(steps) and steps[0] == 0:
        since["base"] = value[1:] - value[0]
    return pd.concat(
        [
            pd.DataFrame(named | {"since": name, "step": steps[1:], "change": change})
            for name, change in since.items()
        ]
    )


def _improvements(keys: Keys, table: pd.DataFrame) -> pd.DataFrame:
    """What one score gains from each checkpoint to the next and to the last."""
    corpus, split, score = keys
    ordered = table.sort_values("step")
    value = ordered["value"].to_numpy() * (-1 if str(score).endswith(LOWER_IS_BETTER) else 1)
    named = {"corpus": corpus, "score_split": split, "score": score}
    steps = ordered["step"].to_numpy()[:-1]
    until = {"next": np.diff(value), "last": value[-1] - value[:-1]}
    return pd.concat(
        [
            pd.DataFrame(named | {"until": name, "step": steps, "improvement": gain})
            for name, gain in until.items()
        ]
    )
