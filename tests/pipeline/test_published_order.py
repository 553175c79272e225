"""`order: paper`: sizes and order of the published runs, from the generators alone."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.preparation import Prepared, prepare
from lm_geometry.data_prep.params import DataPrep


def _corpus(folder: Path, lines: list[str | None], **options: object) -> Corpus:
    path = folder / "lines.parquet"
    datasets.Dataset.from_dict({"text": lines}).to_parquet(path)
    return Corpus.model_validate({"source": f"file:{path}", "reader": "table", **options})


def _prepare(entry: Corpus, split: str, sequences: Any, **values: object) -> Prepared:
    section = DataPrep.model_validate(values)
    return prepare("example", entry, split, sequences, section, Path())


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(218_745, (174_996, 21_874, 21_875)), (1_801_350, (1_441_080, 180_135, 180_135))],
)
def test_the_published_splits_have_their_published_sizes(
    rows: int, sizes: tuple[int, int, int], tmp_path: Path
) -> None:
    # One-year-of-TSLA-on-Reddit and WikiText-103, in the proportions of the published runs.
    entry = _corpus(tmp_path, ["a"] * rows)
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    found = []
    for split in ("train", "validation", "test"):
        prepared = _prepare(entry, split, 1, order="paper", proportions=shares)
        found.append(prepared.counts["split"])
    assert tuple(found) == sizes


def test_the_published_order_is_followed_row_by_row(tmp_path: Path) -> None:
    lines = [[" ", "", " = Heading = ", f" line {i} "][i % 4] for i in range(400)]
    entry = _corpus(tmp_path, list(lines), splits="proportions", drop_prefixes=[" = "])
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    kept = [line for line in lines if len(line) > 0 and not line.startswith(" = ")]
    # The draws of `train_test_split` and `shuffle`, from their generator alone.
    drawn = np.random.default_rng(5).permutation(len(kept))
    held_out, train = drawn[:40], drawn[40:]
    again = np.random.default_rng(5).permutation(40)
    published = {"train": train, "validation": held_out[again[20:]], "test": held_out[again[:20]]}
    for split, rows in published.items():
        order = np.random.default_rng(7).permutation(len(rows))[:15]
        expected = [kept[row].strip() for row in rows[order]]
        prepared = _prepare(
            entry, split, 15, order="paper", proportions=shares, split_seed=5, seed=7
        )
        assert list(prepared.dataset["text"]) == expected
    counts = _prepare(entry, "test", 15, order="paper", proportions=shares, split_seed=5).counts
    assert counts == {
        "read": 400,
        "not_empty": 300,
        "kept": 200,
        "split": 20,
        "chosen": 15,
        "documents": 15,
    }


def test_white_space_alone_survives_only_the_published_order(tmp_path: Path) -> None:
    entry = _corpus(tmp_path, ["a", " ", "", None, "\u00a0\n", "b ", "c"])
    shares = {"train": 0.4, "validation": 0.3, "test": 0.3}
    assert (
        _prepare(entry, "train", "all", order="paper", proportions=shares).counts["not_empty"] == 5
    )
    assert (
        _prepare(entry, "train", "all", order="default", proportions=shares).counts["not_empty"]
        == 3
    )
