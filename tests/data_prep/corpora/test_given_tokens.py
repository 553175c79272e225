"""Corpora of token ids: kept as they are, padding off, and no pickled code is run."""

import pickle
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Sequence, Value
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from torch.utils.data import DataLoader, TensorDataset

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus, resolve
from lm_geometry.data_prep.corpora.given_tokens.rows import dialogue_and_turn
from lm_geometry.data_prep.corpora.preparation import prepare
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.models.load import load_tokenizer
from tests.conftest import TEXTS, TinyModel
from tests.data_prep.corpora.foreign_files import LENGTH, Hostile, cached_features, padded

SHORT = [text for text in TEXTS if len(text) < 65]
GUIDS = [f"multiwoz21-train-{7 * (i // 2)}-{i % 2}" for i in range(len(SHORT))]


@pytest.fixture
def bert(tiny_models: dict[str, TinyModel]) -> TinyModel:
    return tiny_models["bert"]


@pytest.fixture
def ids(bert: TinyModel) -> list[list[int]]:
    found = load_tokenizer(bert.source)(SHORT, truncation=True, max_length=LENGTH)["input_ids"]
    assert len({len(own) for own in found}) > 1
    return found


def entry_of(path: Path, reader: str, tiny: TinyModel, **changes: Any) -> Corpus:
    made = {"source": f"file:{path}", "reader": reader, "tokenizer": f"file:{tiny.folder}"}
    return Corpus.model_validate({**made, **changes})


def test_features_keep_their_ids_without_padding(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = load_tokenizer(bert.source)
    cached_features(tmp_path / "cached_train_features", GUIDS, ids, pad=0)
    cached_features(tmp_path / "cached_dev_features", GUIDS[:2], ids[:2], pad=0, alone=True)
    found = reading.read(entry_of(tmp_path, "trippy-features", bert), tmp_path)
    assert {split: len(rows) for split, rows in found.items()} == {
        "train": len(SHORT),
        "validation": 2,
    }
    train = found["train"]
    assert list(train["input_ids"]) == ids
    assert list(train["text"]) == [tokenizer.decode(own) for own in ids]
    assert list(train["turn"]) == [i % 2 for i in range(len(SHORT))]
    assert train["document"][2] == "multiwoz21-train-7"
    for own, user in zip(ids, train["mask_user"], strict=True):
        assert user == [place < len(own) // 3 for place in range(len(own))]
    off = sum(LENGTH - len(own) for own in ids)
    told = capsys.readouterr().out
    assert f"cached_train_features: {len(ids)} sequences of given tokens, {off} of padding" in told
    one = reading.read(
        entry_of(tmp_path / "cached_dev_features", "trippy-features", bert), tmp_path
    )
    assert [len(rows) for rows in one.values()] == [2]


def test_processed_files_are_those_of_their_caches(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]]
) -> None:
    cached_features(tmp_path / "cached_test_features", GUIDS, ids, pad=0)
    arrays, masks = padded(ids, pad=0)
    saved = {"input_ids": arrays, "attention_mask": masks, "dialogue_ids": GUIDS}
    torch.save(saved, tmp_path / "test_processed_cached_features.pt")
    raw = reading.read(entry_of(tmp_path, "trippy-features", bert), tmp_path)["test"]
    processed = reading.read(entry_of(tmp_path, "trippy-processed", bert), tmp_path)["test"]
    assert raw.remove_columns("mask_user").to_list() == processed.to_list()
    wrong = saved | {"dialogue_ids": GUIDS[:-1]}
    torch.save(wrong, tmp_path / "test_processed_cached_features.pt")
    with pytest.raises(ValueError, match="do not belong together"):
        reading.read(entry_of(tmp_path, "trippy-processed", bert), tmp_path)


def test_turns_of_padding_alone_are_left_out(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, masks = padded([*ids[:3], []], pad=0)  # two dialogues of two turns, the last empty
    saved = {"input_ids": arrays.view(2, 2, LENGTH), "attention_mask": masks.view(2, 2, LENGTH)}
    torch.save(saved | {"dialogue_ids": ["d-1", "d-2"]}, tmp_path / "dev.pt")
    rows = reading.read(entry_of(tmp_path, "setsumbt-processed", bert), tmp_path)["validation"]
    assert list(rows["input_ids"]) == ids[:3]
    assert list(zip(rows["document"], rows["turn"], strict=True)) == [
        ("d-1", 0),
        ("d-1", 1),
        ("d-2", 0),
    ]
    assert "1 rows of padding alone left out" in capsys.readouterr().out


def test_the_raw_dataloader_of_setsumbt_is_refused_with_what_to_do(
    tmp_path: Path, bert: TinyModel
) -> None:
    torch.save(DataLoader(TensorDataset(torch.zeros(3, 2))), tmp_path / "train.pt")
    told = r"train\.pt asks for torch\.utils\.data\.\S*DataLoader.*save its input_ids"
    with pytest.raises(ValueError, match=told):
        reading.read(entry_of(tmp_path, "setsumbt-processed", bert), tmp_path)


FILES = {
    "trippy-features": "cached_train_features",
    "trippy-processed": "train_processed_cached_features.pt",
    "setsumbt-processed": "train.pt",
}


@pytest.mark.parametrize("reader", FILES)
@pytest.mark.parametrize("way", ["zip", "legacy", "plain"])
def test_no_pickled_code_is_run(tmp_path: Path, bert: TinyModel, reader: str, way: str) -> None:
    written, file = tmp_path / "written", tmp_path / FILES[reader]
    saved = {"input_ids": Hostile(written), "attention_mask": 1, "dialogue_ids": []}
    if way == "plain":
        file.write_bytes(pickle.dumps(saved))
    else:
        torch.save(saved, file, _use_new_zipfile_serialization=way == "zip")
    named = "has instructions" if way == "plain" else r"asks for posix\.mkdir"
    with pytest.raises(ValueError, match=rf"{file.name} {named}.*nothing of it was run"):
        reading.read(entry_of(tmp_path, reader, bert), tmp_path)
    assert not written.exists()
    with file.open("rb") as opened:  # the file would do it: what refuses it is not chance
        pickle.load(opened) if way == "plain" else torch.load(file, weights_only=False)
    assert written.exists()


def test_code_within_a_feature_is_not_run(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]]
) -> None:
    file, hidden = tmp_path / "cached_train_features", Hostile(tmp_path / "written")
    cached_features(file, GUIDS, ids, pad=0, another_attribute={"deep": [hidden]})
    with pytest.raises(ValueError, match=r"asks for posix\.mkdir.*nothing of it was run"):
        reading.read(entry_of(file, "trippy-features", bert), tmp_path)
    assert not hidden.written.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_a_file_that_is_cut_is_told(tmp_path: Path, bert: TinyModel, content: bytes) -> None:
    (tmp_path / "cached_train_features").write_bytes(content)
    with pytest.raises(ValueError, match=r"cached_train_features (is cut|has instructions)"):
        reading.read(entry_of(tmp_path, "trippy-features", bert), tmp_path)


@pytest.mark.parametrize("form", ["folder", "splits", "parquet", "jsonl"])
def test_a_pretokenised_data_set_is_read_from_every_form(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]], form: str
) -> None:
    masks = [[1] * len(own) + [0] * 3 for own in ids]
    columns: dict[str, Any] = {
        "input_ids": [[*own, 0, 0, 0] for own in ids],
        "attention_mask": masks,
        "mask_named": [[place == 1 for place in range(len(own))] for own in masks],
        "dialogue_id": [f"d{i // 2}" for i in range(len(ids))],
        "speaker": ["user"] * len(ids),
        "text": SHORT,
        "token_type_ids": masks,
    }
    dataset, path = Dataset.from_dict(columns), tmp_path / f"rows.{form}"
    if form == "folder":
        dataset.save_to_disk(path)
    elif form == "splits":
        DatasetDict({"train": dataset, "test": dataset.select([0])}).save_to_disk(path)
    elif form == "parquet":
        parquet.write_table(pyarrow.table(columns), path)
    else:
        dataset.to_json(path)
    found = reading.read(entry_of(path, "pretokenised", bert), tmp_path)
    assert set(found) == ({"train", "test"} if form == "splits" else {"train"})
    rows = found["train"]
    assert list(rows["input_ids"]) == ids
    assert list(rows["source_text"]) == SHORT
    assert rows["text"][0] == load_tokenizer(bert.source).decode(ids[0])
    assert rows["document"][3] == "d1"
    assert [sum(own) for own in rows["mask_named"]] == [1] * len(ids)
    assert "token_type_ids" not in rows.column_names


def test_tags_are_named_and_none_stands_for_no_tag(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]]
) -> None:
    numbers = [[-100, *([1] * (len(own) - 2)), -100] for own in ids]
    kinds = {"ner": Sequence(ClassLabel(names=["O", "B-x"])), "input_ids": Sequence(Value("int32"))}
    named = Dataset.from_dict(
        {"input_ids": ids, "ner": [[0, *([1] * (len(own) - 1))] for own in ids]},
        features=Features(kinds),
    )
    named.save_to_disk(tmp_path / "named")
    entry = entry_of(tmp_path / "named", "pretokenised", bert, tags_column="ner")
    first = reading.read(entry, tmp_path)["train"]["token_tags"][0]
    assert first == ["O", *(["B-x"] * (len(ids[0]) - 1))]
    Dataset.from_dict({"input_ids": ids, "ner": numbers}).save_to_disk(tmp_path / "plain")
    entry = entry_of(tmp_path / "plain", "pretokenised", bert, tags_column="ner")
    assert reading.read(entry, tmp_path)["train"]["token_tags"][0] == [
        "",
        *(["1"] * (len(ids[0]) - 2)),
        "",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"input_ids": [[2, 150, 3]]}, "token 150 is none of the 150"),
        ({"input_ids": [[2, -1, 3]]}, "token -1 is none of the 150"),
        ({"input_ids": [[2.5, 3.0, 1.0]]}, "input_ids is no list of whole numbers"),
        ({"attention_mask": [[1, 0, 1]]}, "has gaps"),
        ({"attention_mask": [[1, 1]]}, "not 0 or 1 for each"),
        ({"attention_mask": [[1, 2, 1]]}, "not 0 or 1 for each"),
        ({"mask_x": [[1, 1]]}, "mask_x has 2 for 3 tokens"),
        ({"mask_x": [[1, 2, 1]]}, "mask_x is not true or false"),
    ],
)
def test_what_does_not_fit_is_told_with_its_row(
    tmp_path: Path, bert: TinyModel, change: dict[str, Any], told: str
) -> None:
    columns = {"input_ids": [[2, 7, 3]], "attention_mask": [[1, 1, 1]], **change}
    Dataset.from_dict(columns).save_to_disk(tmp_path / "rows")
    with pytest.raises(ValueError, match=f"row 0: {told}|row 0: .*{told}"):
        reading.read(entry_of(tmp_path / "rows", "pretokenised", bert), tmp_path)


def test_given_tokens_survive_preparation(
    tmp_path: Path, bert: TinyModel, ids: list[list[int]]
) -> None:
    cached_features(tmp_path / "cached_train_features", GUIDS, ids, pad=0)
    entry = entry_of(tmp_path, "trippy-features", bert, splits="native")
    section = DataPrep.model_validate({"choose": "by_document"})
    prepared = prepare("made-up", entry, "train", "all", section, tmp_path)
    assert sorted(map(tuple, prepared.dataset["input_ids"])) == sorted(map(tuple, ids))
    assert prepared.counts["documents"] == len({guid.rpartition("-")[0] for guid in GUIDS})


def test_ids_beside_a_text_are_not_taken_for_given_tokens(tmp_path: Path) -> None:
    columns = {"text": ["a", "b"], "input_ids": [[1], [2]], "mask_x": [[1], [0]]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "rows.parquet")
    rows = reading.read(resolve(f"file:{tmp_path}/rows.parquet"), tmp_path)["train"]
    assert rows.column_names == ["text", "document", "source_input_ids", "source_mask_x"]


def test_an_entry_of_ids_names_their_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer: null, and reader pretokenised"):
        Corpus.model_validate({"source": "file:x", "reader": "pretokenised"})
    with pytest.raises(ValueError, match="tokenizer is for the reader"):
        Corpus.model_validate({"source": "file:x", "reader": "table", "tokenizer": "gpt2"})
    with pytest.raises(ValueError, match="does not tell the format"):
        resolve(f"file:{tmp_path}/rows.pt")


@settings(max_examples=50)
@given(dialogue=st.text(min_size=1), turn=st.integers(0, 999))
def test_a_guid_is_its_dialogue_and_turn(dialogue: str, turn: int) -> None:
    assert dialogue_and_turn(f"{dialogue}-{turn}") == (dialogue, turn)
