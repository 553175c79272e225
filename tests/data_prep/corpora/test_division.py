"""Which rows are in which split: the shares that were asked for, none of them alike."""

import datasets
import pytest

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.division import NoSplitError, divide, hold_out
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.params import DataPrep

SHARES = {"train": 0.5, "validation": 0.3, "test": 0.2}
SPLITS = tuple(SHARES)


def rows(number: int, documents: int | None = None, first: int = 0, more: bool = False) -> Part:
    """Rows with a text each, of `documents` documents in turn; without, each its own."""
    of = [f"d{i % documents if documents else i}" for i in range(first, first + number)]
    texts = [f"t{i}" for i in range(first, first + number)]
    columns = {"text": texts, "document": of} | ({"more": [*range(number)]} if more else {})
    return Part.of(datasets.Dataset.from_dict(columns))


def entry(**options: object) -> Corpus:
    return Corpus.model_validate({"source": "file:x.parquet", "reader": "table", **options})


def values(part: Part, column: str = "text") -> list[str]:
    return part.dataset()[column][:]


def divided(whole: Part, split: str, **options: object) -> set[str]:
    section = DataPrep.model_validate({"proportions": SHARES, **options})
    return set(values(divide({"train": whole}, "x", entry(), split, section)))


@pytest.mark.parametrize("order", ["default", "paper"])
def test_every_row_is_in_one_split_of_its_share(order: str) -> None:
    parts = [divided(rows(100), split, order=order) for split in SPLITS]
    assert [len(part) for part in parts] == [50, 30, 20]
    assert len(set.union(*parts)) == 100
    assert divided(rows(100), "dev", order=order) == parts[1]


@pytest.mark.parametrize("order", ["default", "paper"])
def test_the_seed_draws_the_splits_and_nothing_else_does(order: str) -> None:
    first = divided(rows(100), "test", order=order, split_seed=3)
    assert first == divided(rows(100), "test", order=order, split_seed=3, seed=1)
    assert first != divided(rows(100), "test", order=order, split_seed=4)
    assert first != {f"t{i}" for i in range(80, 100)}  # drawn, and not the last rows


def test_shares_are_of_documents_and_none_is_left_without_one() -> None:
    small = {"train": 0.98, "validation": 0.01, "test": 0.01}
    parts = [divided(rows(30, documents=3), split, proportions=small) for split in SPLITS]
    assert [len(part) for part in parts] == [10, 10, 10]
    with pytest.raises(ValueError, match="x: its 2 documents cannot make three splits"):
        divided(rows(30, documents=2), "train")


def test_a_share_is_rounded_to_the_nearest_number_of_documents() -> None:
    uneven = {"train": 0.52, "validation": 0.26, "test": 0.22}
    parts = [divided(rows(10), split, proportions=uneven) for split in SPLITS]
    assert [len(part) for part in parts] == [5, 3, 2]


def test_splits_of_a_source_are_its_own() -> None:
    section = DataPrep.model_validate({"proportions": SHARES})
    parts = {"train": rows(9), "validation": rows(4, first=9)}
    assert values(divide(parts, "x", entry(), "dev", section)) == values(parts["validation"])
    with pytest.raises(NoSplitError, match="corpus x has no split 'test', only train, validation"):
        divide(parts, "x", entry(), "test", section)
    made = divide(parts, "x", entry(splits="proportions"), "test", section)
    assert len(made) == 2  # of the nine that the source trains on
    assert len(divide(parts, "x", entry(), "all", section)) == 13
    with pytest.raises(ValueError, match="no split 'train' to divide, only validation, test"):
        others = {"validation": rows(4), "test": rows(4)}
        divide(others, "x", entry(splits="proportions"), "train", section)


def test_all_rows_have_the_columns_that_every_split_has_alike(
    capsys: pytest.CaptureFixture[str],
) -> None:
    section, whole = DataPrep.model_validate({"proportions": SHARES}), rows(5)
    assert divide({"train": whole}, "x", entry(), "all", section) is whole  # as it is, no copy
    more = rows(3, first=5, more=True)
    made = divide({"train": whole, "test": more}, "x", entry(), "all", section)
    assert made.column_names == ["text", "document"]
    assert values(made) == [f"t{i}" for i in range(8)]
    assert "x: not in every split, and left out: more" in capsys.readouterr().out


def test_held_out_documents_are_as_many_as_asked_for() -> None:
    held = entry(hold_out={"test": {"of": "train", "documents": 3}})
    made = hold_out({"train": rows(40, documents=8)}, "x", held, seed=0)
    assert (len(made["train"]), len(made["test"])) == (25, 15)
    tested, trained = (set(values(made[split], "document")) for split in ("test", "train"))
    assert len(tested) == 3
    assert not tested & trained
    other = hold_out({"train": rows(40, documents=8)}, "x", held, seed=2)
    assert set(values(other["test"], "document")) != tested
    with pytest.raises(ValueError, match="3 documents cannot be held out as test: train has 3"):
        hold_out({"train": rows(9, documents=3)}, "x", held, seed=0)
