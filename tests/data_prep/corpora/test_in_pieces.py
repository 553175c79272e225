"""A corpus that is read in pieces gives what one that is held whole does, in little memory."""

import csv
import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lm_geometry.data_prep.corpora import (
    data_sets,
    delimited,
    json_lines,
    part,
    pieces,
    preparation,
    saving,
)
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.data_sets import in_memory
from lm_geometry.data_prep.corpora.documents import document_numbers
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import Prepared, prepare
from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.data_prep.corpora.text import _parts
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.workspace import machine
from lm_geometry.workspace.faults import sentence
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.seeds import stream

Row = dict[str, Any]
# Empty and blocked texts, documents that come again much later, and others without one.
HOSTILE: list[Row] = [
    {
        "text": ["", " \t", "= head", f" text {number} ", f"ä text {number}"][number % 5],
        "document": None if number % 7 == 3 else f"d{number % 40 if number < 300 else number // 9}",
        "number": number,
    }
    for number in range(600)
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few rows, all of them on disk."""
    for module in (pieces, data_sets):
        monkeypatch.setattr(module, "PIECE", 2000)
    for module in (json_lines, delimited):
        monkeypatch.setattr(module, "BLOCK", 1000)
    monkeypatch.setattr(pieces, "IN_MEMORY", 0)
    monkeypatch.setattr(part, "AT_ONCE", 1)
    preparation._read.cache_clear()


def _as_jsonl(path: Path, rows: list[Row]) -> Path:
    own = path / "own.jsonl"
    own.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return own


def _as_csv(path: Path, rows: list[Row]) -> Path:
    with (path / "own.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path / "own.csv"


def _as_parquet(path: Path, rows: list[Row]) -> Path:
    pd.DataFrame(rows).to_parquet(path / "own.parquet")
    return path / "own.parquet"


def _as_folder(path: Path, rows: list[Row]) -> Path:
    datasets.Dataset.from_list(rows).save_to_disk(str(path / "own"), num_shards=3)
    return path / "own"


FORMATS: dict[str, Callable[[Path, list[Row]], Path]] = {
    "jsonl": _as_jsonl,
    "csv": _as_csv,
    "parquet": _as_parquet,
    "folder": _as_folder,
}


def _entry(path: Path, **options: Any) -> Corpus:
    reader = "huggingface" if path.is_dir() else "table"
    return Corpus.model_validate({"source": f"file:{path}", "reader": reader, **options})


def _prepare(entry: Corpus, sequences: Any, **values: Any) -> Prepared:
    section = DataPrep.model_validate({"drop_prefixes": ["="], "min_characters": 7, **values})
    return prepare("own", entry, "train", sequences, section, Path())


def _held_whole(rows: list[Row], choose: str, seed: int) -> list[tuple[str, str]]:
    """What is chosen of all rows of train, by lists of Python and `datasets` itself."""
    named = [
        {**row, "document": row["document"] or f"row-{number}"} for number, row in enumerate(rows)
    ]
    kept = [
        row for row in named if len(row["text"].strip()) >= 7 and not row["text"].startswith("=")
    ]
    number_of = {name: n for n, name in enumerate(dict.fromkeys(row["document"] for row in kept))}
    place = stream(0, "split").permutation(len(number_of))
    held_out = 2 * max(1, round(0.125 * len(number_of)))
    train = [row for row in kept if place[number_of[row["document"]]] >= held_out]
    if choose == "random":
        drawn = datasets.Dataset.from_list(train).shuffle(seed=seed)
        train = [train[n] for n in _numbers(drawn, train)]
    elif choose == "by_document":
        train = _in_turn(train, seed)
    return [(row["text"].strip(), row["document"]) for row in train]


def _numbers(drawn: datasets.Dataset, rows: list[Row]) -> list[int]:
    place = {row["number"]: n for n, row in enumerate(rows)}
    return [place[number] for number in drawn["number"]]


def _in_turn(rows: list[Row], seed: int) -> list[Row]:
    """One row of each document in turn, both in seeded order."""
    names = list(dict.fromkeys(row["document"] for row in rows))
    turn = dict(zip(names, stream(seed, "documents").permutation(len(names)), strict=True))
    waiting: dict[str, list[Row]] = {name: [] for name in sorted(names, key=turn.__getitem__)}
    for number in stream(seed, "sequences").permutation(len(rows)):
        waiting[rows[number]["document"]].append(rows[number])
    longest = max(map(len, waiting.values()))
    return [own[n] for n in range(longest) for own in waiting.values() if n < len(own)]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.usefixtures("small")
def test_the_same_rows_are_chosen_in_the_same_order(form: str, tmp_path: Path) -> None:
    entry = _entry(FORMATS[form](tmp_path, HOSTILE))
    for choose in ("take_first", "random", "by_document"):
        expected = _held_whole(HOSTILE, choose, seed=3)
        for sequences in (17, "all"):
            found = _prepare(entry, sequences, choose=choose, seed=3)
            rows = found.dataset
            wanted = expected[: None if sequences == "all" else sequences]
            assert list(zip(rows["text"], rows["document"], strict=True)) == wanted
            assert found.counts["read"] == 600
            assert found.counts["not_empty"] == 360
            assert found.counts["documents"] == len({document for _, document in wanted})


@pytest.mark.usefixtures("small")
def test_a_corpus_in_pieces_is_saved_with_the_bytes_of_datasets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = _entry(_as_jsonl(tmp_path, HOSTILE * 7))
    whole = _prepare(entry, "all", choose="random").rows
    save(whole, tmp_path / "in pieces")
    assert len(whole) > 1000
    # Rows that `datasets` has gathered one by one.
    table = whole.table()
    gathered = pyarrow.concat_tables([table.slice(row, 1) for row in range(len(table))])
    save(in_memory(gathered, whole.dataset().info), tmp_path / "at once")
    assert path_hash(tmp_path / "at once") == path_hash(tmp_path / "in pieces")
    # Of several files, each is a share of the rows, as `datasets` divides them.
    monkeypatch.setattr(saving, "FILE", 10_000)
    save(whole, tmp_path / "several")
    loaded = datasets.Dataset.load_from_disk(str(tmp_path / "several"))
    assert len(loaded.cache_files) > 1
    assert loaded.to_dict() == whole.dataset().to_dict()
    share = whole.dataset().shard(len(loaded.cache_files), 0, contiguous=True)
    assert len(datasets.Dataset.from_file(str(loaded.cache_files[0]["filename"]))) == len(share)


@pytest.mark.usefixtures("small")
def test_what_later_pieces_lack_is_missing_and_what_they_change_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Row] = [{"text": f"sequence {n}", "early": n} for n in range(40)]
    rows += [{"text": f"sequence {n}", "late": "x", "early": n + 0.5} for n in range(40)]
    dataset = _prepare(_entry(_as_jsonl(tmp_path, rows)), "all", choose="take_first").dataset
    assert dataset.features["early"].dtype == "float64"
    assert set(dataset["late"]) == {None, "x"}
    preparation._read.cache_clear()
    path = _as_jsonl(tmp_path, [*rows, {"text": "sequence 80", "late": 3}])
    kept = _prepare(_entry(path), "all").dataset
    assert "late" not in kept.column_names
    told = "line 81 holds a number, and a line before a text"
    assert told in capsys.readouterr().out
    preparation._read.cache_clear()
    path = _as_jsonl(tmp_path, [*rows, {"text": 7}])
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}.*line 81 holds a number"):
        _prepare(_entry(path), "all")
    monkeypatch.setattr(json_lines, "BLOCK", 1)
    lists: list[Row] = [{"text": f"sequence {n}", "many": [n]} for n in range(40)]
    path = _as_jsonl(tmp_path, [*lists, *({"text": "b" * 40, "many": ["x"]} for _ in range(40))])
    preparation._read.cache_clear()
    _prepare(_entry(path), "all")
    told = r"it holds list<[^>]*> from line 1 and list<[^>]*> from line 41"
    assert re.search(told, capsys.readouterr().out)


@pytest.mark.usefixtures("small")
def test_a_column_that_a_later_piece_shows_to_be_another_is_set_aside_in_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Row] = [
        {"text": "a b", "words": ["a", "b"], "tags": ["O", "O"], "state": {"x": "y"}, "n": n}
        for n in range(60)
    ]
    dataset = _prepare(_entry(_as_jsonl(tmp_path, rows)), "all", min_characters=0).dataset
    assert {"words", "tags", "state"} <= set(dataset.column_names)
    preparation._read.cache_clear()
    wrong = [*rows, {"text": "a b", "words": ["a", "b"], "tags": ["O"], "state": {"x": "y"}}]
    dataset = _prepare(_entry(_as_jsonl(tmp_path, wrong)), "all", min_characters=0).dataset
    assert {"source_words", "source_tags", "state"} <= set(dataset.column_names)
    assert not {"words", "tags"} & set(dataset.column_names)
    assert capsys.readouterr().out.count("row 60 has 1 tags for the 2 words") == 1


def test_a_full_scratch_disk_is_told_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object, content: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
    with pytest.raises(OSError, match="bytes of a corpus wait") as refused:
        pieces.Store().put(pyarrow.table({"text": ["a"]}))
    told = str(sentence(refused.value))
    assert str(machine.scratch()) in told
    assert "LM_GEOMETRY_SCRATCH" in told


@given(numbers=st.lists(st.integers(0, 12), max_size=80), each=st.integers(1, 30))
@example(numbers=[], each=1)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_documents_are_numbered_by_first_appearance(numbers: list[int], each: int) -> None:
    names = [f"document {number}" for number in numbers]
    features = datasets.Features({"document": datasets.Value("string")})
    tables = [
        pyarrow.table({"document": names[start : start + each]})
        for start in range(0, len(names), each)
    ]
    whole = Part.written(tables, features)
    for rows in (np.arange(len(names)), np.arange(len(names))[::-2]):
        own = [names[row] for row in rows]
        order = list(dict.fromkeys(own))
        found, number = document_numbers(whole.select(rows))
        assert found.tolist() == [order.index(name) for name in own]
        assert number == len(order)


@given(text=st.text("ab \n\r\t\x1c\u2028", max_size=14))
@example(text="\n\na\n")
@example(text="a\n\n")
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_text_is_divided_line_by_line_as_it_is_as_a_whole(text: str) -> None:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = [" ".join(own.split()) for own in re.split(r"\n\s*\n", whole)]
    assert list(_parts(lines, "paragraphs", Path("a.txt"))) == paragraphs
    by_line = whole.removesuffix("\n").split("\n") if whole else []
    assert list(_parts(lines, "lines", Path("a.txt"))) == by_line


# --- memory --------------------------------------------------------------------------------------

PEAK = """
import resource, sys
from pathlib import Path
from lm_geometry.data_prep.corpora.catalogue import resolve
from lm_geometry.data_prep.corpora.preparation import prepare
from lm_geometry.data_prep.params import DataPrep
section = DataPrep.model_validate({"choose": "by_document"})
prepare("own", resolve(f"file:{sys.argv[1]}"), "train", 96, section, Path())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
LINE = 50  # bytes of memory for a line more, however long it is


@pytest.mark.slow
def test_memory_grows_by_little_for_each_line(tmp_path: Path) -> None:
    """Below 1 GB at 10 million lines: libraries, the pieces in work, and a few numbers a line."""
    peaks: dict[int, int] = {}
    for lines in (200_000, 800_000):
        path = tmp_path / f"{lines}.jsonl"
        with path.open("w") as file:
            for number in range(lines):
                text = f"line {number} of a corpus that is long, " + "and its lines too " * 4
                file.write(f'{{"text": "{text}", "document": "d{number // 10}"}}\n')
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True
        )
        peaks[lines] = int(ran.stdout.split()[-1])
    grown = (peaks[800_000] - peaks[200_000]) / 600_000
    assert grown < LINE, peaks
    assert peaks[800_000] < 1e9
