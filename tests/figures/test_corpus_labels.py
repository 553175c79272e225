"""Figures call corpora as the catalogue does, and never two alike."""

import pytest

from lm_geometry.figures import corpus_labels as module
from lm_geometry.figures.corpus_labels import corpus_labels, labelled


@pytest.fixture(autouse=True)
def labels(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"a": "Letters", "b": "Letters (all)", "c": "Letters (old)", "d": "News"}
    monkeypatch.setattr(module, "catalogue_labels", lambda: found)


def test_a_corpus_has_its_label_as_short_as_tells_it_from_the_others() -> None:
    assert corpus_labels(["b", "d", "own"]) == {"b": "Letters", "d": "News", "own": "own"}
    assert corpus_labels(["b", "c"]) == {"b": "Letters (all)", "c": "Letters (old)"}


def test_rows_have_the_labels_of_both_their_corpora_and_keep_all_else() -> None:
    rows = [{"corpus": "d", "control": "own", "step": 3}, {"corpus": None, "split": "d"}]
    assert labelled(rows) == [
        {"corpus": "News", "control": "own", "step": 3},
        {"corpus": None, "split": "d"},
    ]
