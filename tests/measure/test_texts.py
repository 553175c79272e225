"""What may be measured on, and how texts become sequences."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.measure.texts import (
    BLOCKS,
    DOCUMENTS,
    FEWEST_BLOCKS,
    MOST_BLOCKS,
    read_texts,
    sequences_of,
)

ROWS = [("a b", "0"), ("c", "0"), ("d", "1")]


def pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["text"], table["document"], strict=True))


def test_documents_are_what_was_given_as_such(tmp_path: Path) -> None:
    assert pairs(read_texts(["a b", " ", "d"])) == [("a b", "0"), ("d", "2")]
    assert pairs(read_texts([["a b", "c"], "d"])) == ROWS
    assert pairs(read_texts({"0": ["a b", "c"], "1": "d"})) == ROWS
    table = pd.DataFrame(ROWS, columns=["text", "document"])
    assert pairs(read_texts(table)) == pairs(read_texts(Dataset.from_pandas(table))) == ROWS
    assert pairs(read_texts(table[["text"]]))[2] == ("d", "2")
    for name in ("y", "x"):
        (tmp_path / f"{name}.txt").write_text(f"{name}\n\nof a file")
    both = [("x\n\nof a file", "x"), ("y\n\nof a file", "y")]
    assert pairs(read_texts(tmp_path)) == pairs(read_texts(str(tmp_path))) == both
    assert pairs(read_texts([tmp_path / "y.txt", tmp_path / "x.txt"])) == both[::-1]
    lines = tmp_path / "own.jsonl"
    lines.write_text("".join(json.dumps({"text": t, "document": d}) + "\n" for t, d in ROWS))
    assert pairs(read_texts(lines)) == pairs(read_texts(f"file:{lines}")) == ROWS


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (3, "not int"),
        ([["a"], 3], "1 is int; it must be strings"),
        (pd.DataFrame({"body": ["a"]}), "no column `text`; there are body"),
        (Path("no-such.txt"), "no-such.txt does not exist"),
        ([], "there is no text"),
    ],
)
def test_what_is_none_of_them_is_told(given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_texts(given)


WORDS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), max_size=60)


@given(texts=st.lists(WORDS.map(" ".join), min_size=1, max_size=5), longest=st.integers(1, 20))
def test_of_pieces_nothing_is_lost_and_none_is_too_long(texts: list[str], longest: int) -> None:
    table = pd.DataFrame({"text": texts, "document": [str(i) for i in range(len(texts))]})
    table = table.assign(label=table["document"] + "x")
    found = sequences_of(table, longest, len, pieces=True)
    assert found.longer == sum(len(text) > longest for text in texts)
    assert all(len(text) <= max(longest, 1) for text in found.table["text"])
    assert without_space(found.table["text"]) == without_space(texts)
    if len(texts) > 1:
        joined = found.table.groupby("document", sort=False)["text"].agg(without_space)
        own = {d: without_space([t]) for d, t in zip(table["document"], texts, strict=True)}
        assert {d: t for d, t in joined.items() if t} == {d: t for d, t in own.items() if t}
        assert (found.table["label"] == found.table["document"] + "x").all()
    kept = sequences_of(table, longest, len, pieces=False)
    assert kept.table["text"].tolist() == texts
    assert kept.longer == found.longer


def without_space(texts: Any) -> str:
    return "".join("".join(texts).split())


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=200))
def test_a_lone_document_is_divided_into_blocks_of_nearly_equal_length(lengths: list[int]) -> None:
    table = pd.DataFrame({"text": ["x" * n for n in lengths], "document": "one"})
    found = sequences_of(table, 30, len, pieces=True)
    assert found.unit == BLOCKS
    blocks = found.table["document"].tolist()
    order = list(dict.fromkeys(blocks))
    assert blocks == sorted(blocks, key=order.index)  # consecutive sequences
    number = min(MOST_BLOCKS, max(len(lengths) // 2, FEWEST_BLOCKS)) if len(lengths) > 3 else 1
    assert len(order) <= max(number, 1)
    if number > 1:
        sizes = found.table.groupby("document")["text"].agg(lambda own: sum(map(len, own)))
        assert max(sizes) <= sum(lengths) / number + 30
    several = pd.DataFrame({"text": ["x", "y"], "document": ["one", "other"]})
    assert sequences_of(several, 30, len, pieces=True).unit == DOCUMENTS


def test_a_corpus_by_name_has_the_years_of_its_entry() -> None:
    early, whole = read_texts("early-speeches"), read_texts("speeches")
    assert early["year"].between(1790, 1860).all()
    assert pairs(early) == pairs(whole.loc[whole["year"] <= 1860])
    assert whole["year"].max() > 1860
