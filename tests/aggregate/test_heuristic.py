"""The heuristic of the paper, on trajectories where it holds by construction and where not."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lm_geometry.aggregate.heuristic import (
    KEYS,
    RESULT,
    held_out,
    heuristic_pairs,
    heuristic_rows,
)
from lm_geometry.aggregate.scores import score_rows
from lm_geometry.aggregate.tables import COLUMNS
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.workspace import paths

STEPS = [0, 10, 20, 40, 80, 100, 120, 140]


def means_of(values: list[float], corpus: str = "a") -> pd.DataFrame:
    cell = {"corpus": corpus, "split": "test", "layer": 2, "estimator": "twonn"}
    cell |= {"level": "token", "exclude": "none", "scale": math.nan}
    names = ["base" if step == 0 else str(step) for step in STEPS[: len(values)]]
    return pd.DataFrame({"checkpoint": names, "mean": values}).assign(**cell, n_neighbors=64.0)


def scores_of(score: str, values: list[float], split: str = "test") -> pd.DataFrame:
    keys = {"corpus": "a", "split": split, "score": score}
    return pd.DataFrame({"step": STEPS[: len(values)], "value": values}).assign(**keys)


def chosen(pairs: pd.DataFrame, **wanted: str) -> pd.DataFrame:
    return pairs[np.all([pairs[name] == value for name, value in wanted.items()], axis=0)]


def test_changes_stand_beside_what_the_score_does_later() -> None:
    scores = pd.concat(
        [scores_of("accuracy", [0.1, 0.3, 0.2, 0.6]), scores_of("loss", [4.0, 3.0, 3.5, 2.0])]
    )
    pairs = heuristic_pairs(means_of([12.0, 11.0, 11.5, 9.0]), scores)
    accuracy = chosen(pairs, signal="dimension", score="accuracy")
    rows = chosen(accuracy, since="previous", until="next")
    assert rows["step"].tolist() == [10, 20]
    assert rows["change"].tolist() == pytest.approx([-1.0, 0.5])
    assert rows["improvement"].tolist() == pytest.approx([-0.1, 0.4])
    rows = chosen(accuracy, since="base", until="last")
    assert rows["change"].tolist() == pytest.approx([-1.0, -0.5])
    assert rows["improvement"].tolist() == pytest.approx([0.3, 0.4])
    loss = chosen(pairs, signal="dimension", score="loss", since="base", until="next")
    assert loss["improvement"].tolist() == pytest.approx([-0.5, 1.5])  # a loss that falls is better
    signal = chosen(pairs, signal="loss", score="accuracy", since="previous", until="next")
    assert signal["change"].tolist() == pytest.approx([-1.0, 0.5])
    assert set(chosen(pairs, signal="loss")["score_split"]) == {"test"}


def test_a_corpus_is_paired_with_its_own_scores_on_every_split() -> None:
    scores = pd.concat([scores_of("f1", [0.1, 0.2, 0.3]), scores_of("f1", [0.3, 0.2, 0.1], "dev")])
    means = pd.concat([means_of([3.0, 2.0, 1.0]), means_of([9.0, 8.0, 7.0], corpus="b")])
    pairs = heuristic_pairs(means, scores)
    assert set(pairs["corpus"]) == {"a"}
    assert set(pairs["score_split"]) == {"test", "dev"}


def test_a_run_has_the_rank_correlation_of_its_checkpoints() -> None:
    dimension = [10.0, 9.0, 9.5, 8.0, 8.2, 7.0, 7.5, 7.4]
    accuracy = [0.1, 0.2, 0.5, 0.4, 0.8, 0.7, 0.95, 0.9]
    pairs = heuristic_pairs(means_of(dimension), scores_of("accuracy", accuracy))
    rows = pd.DataFrame(heuristic_rows({"": pairs}, 0.95, 500, 0))
    assert list(rows) == [*KEYS, *RESULT]
    row = chosen(rows, since="previous", until="next").iloc[0]
    expected = stats.spearmanr(np.diff(dimension)[:-1], np.diff(accuracy)[1:]).statistic
    assert row["correlation"] == pytest.approx(expected)
    assert expected < -0.7
    assert -1 <= row["lower"] <= expected <= row["upper"] < 1
    assert (row["pairs"], row["runs"]) == (6, 1)
    again = pd.DataFrame(heuristic_rows({"": pairs}, 0.95, 500, 0))
    pd.testing.assert_frame_equal(rows, again)


def test_few_checkpoints_have_a_correlation_without_an_interval() -> None:
    pairs = heuristic_pairs(
        means_of([10.0, 9.0, 9.5, 8.0, 8.2]), scores_of("f1", [0.1, 0.4, 0.2, 0.8, 0.5])
    )
    rows = pd.DataFrame(heuristic_rows({"": pairs}, 0.95, 200, 0))
    row = chosen(rows, since="previous", until="next").iloc[0]
    assert row["pairs"] == 3
    assert math.isfinite(row["correlation"])
    assert math.isnan(row["lower"])


def test_over_runs_the_interval_is_students_over_their_correlations() -> None:
    runs, expected = {}, []
    for seed in range(6):
        generator = np.random.default_rng(seed)
        dimension, score = generator.normal(size=8), generator.normal(size=8)
        runs[f"seed-{seed}"] = heuristic_pairs(
            means_of(dimension.tolist()), scores_of("f1", score.tolist())
        )
        expected.append(stats.spearmanr(np.diff(dimension)[:-1], np.diff(score)[1:]).statistic)
    rows = pd.DataFrame(heuristic_rows(runs, 0.95, 200, 0))
    row = chosen(rows, since="previous", until="next").iloc[0]
    interval = stats.ttest_1samp(expected, 0).confidence_interval(0.95)
    assert row["correlation"] == pytest.approx(np.mean(expected))
    assert (row["lower"], row["upper"]) == pytest.approx((interval.low, interval.high))
    assert (row["pairs"], row["runs"]) == (36, 6)


def test_each_estimate_stands_beside_the_scores_of_its_checkpoint(project: Any) -> None:
    means = pd.concat([means_of([9.0, 8.0, 7.0]), means_of([5.0, 6.0, 4.0], corpus="b")])
    means = means.assign(lower=means["mean"] - 1, upper=means["mean"] + 1)
    paths.SCORES.parent.mkdir(parents=True, exist_ok=True)
    paths.SCORES.write_text("[]")
    assert score_rows(means) == []
    scores = pd.concat([scores_of("f1", [0.1, 0.4, 0.3, 0.9]), scores_of("loss", [4.0, 3.0, 2.0])])
    paths.SCORES.write_text(scores.to_json(orient="records"))
    rows = pd.DataFrame(score_rows(means))
    assert list(rows) == COLUMNS["scores"]
    assert len(rows) == 2 * 3 * 2  # corpora, checkpoints, scores; step 40 was not embedded
    found = {
        (row["corpus"], row["checkpoint"], row["score"]): (row["score_value"], row["mean"])
        for _, row in rows.iterrows()
    }
    assert found["a", "base", "f1"] == (0.1, 9.0)
    assert found["b", "10", "f1"] == (0.4, 6.0)
    assert found["b", "20", "loss"] == (2.0, 4.0)
    assert set(rows["score_corpus"]) == {"a"}


def test_without_scores_there_is_nothing_to_test(project: Any) -> None:
    paths.SCORES.parent.mkdir(parents=True, exist_ok=True)
    paths.SCORES.write_text("[]")
    assert read_scores() == []
    pairs = heuristic_pairs(means_of([1.0, 2.0]), held_out(read_scores()))
    assert pairs.empty
    assert heuristic_rows({"": pairs}, 0.95, 200, 0) == []
    record = {"step": 0, "corpus": "a", "split": "test", "score": "f1", "value": 0.5}
    paths.SCORES.write_text(json.dumps([record]))
    scores = held_out(read_scores())
    assert scores.to_dict("records") == [record]
    assert heuristic_pairs(means_of([1.0, 2.0]), scores).empty
