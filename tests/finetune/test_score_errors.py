"""Standard errors of scores over documents, against a jackknife by hand and what means say."""

import numpy as np
import pytest

from lm_geometry.finetune.score_errors import score_errors
from lm_geometry.finetune.tasks.task import Answer, Example


def answers_of(values: list[int], documents: list[str]) -> tuple[list[Answer], list[Example]]:
    answers = [Answer(np.array([value]), np.array([1]), 1, {"loss": 0.0}) for value in values]
    return answers, [Example([1], [1], document=name) for name in documents]


def accuracy(answers: list[Answer], _: list[Example]) -> dict[str, float]:
    return {"accuracy": float(np.mean([one.predicted[0] == one.gold[0] for one in answers]))}


def test_of_as_many_documents_as_groups_it_is_that_of_their_mean() -> None:
    values = [1, 0, 0, 1, 1, 1, 0, 1, 0, 1]
    found = score_errors(*answers_of(values, list("abcdefghij")), accuracy)
    expected = np.std(values, ddof=1) / np.sqrt(len(values))  # what a jackknife of a mean is
    assert found["accuracy"] == pytest.approx(expected)


def test_turns_of_one_document_count_together() -> None:
    values = [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    alone = score_errors(*answers_of(values, [str(n) for n in range(12)]), accuracy)
    together = score_errors(*answers_of(values, [str(n // 3) for n in range(12)]), accuracy)
    assert together["accuracy"] == pytest.approx(np.std([1, 0, 1, 0], ddof=1) / 2)
    assert together["accuracy"] > 1.5 * alone["accuracy"]


def test_without_documents_there_is_no_error() -> None:
    assert score_errors(*answers_of([1, 0], ["", ""]), accuracy) == {}
