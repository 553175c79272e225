"""Whatever the libraries write that people make tables with is read back equal, or refused."""

import bz2
import csv
import gzip
import json
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus, resolve

Rows = list[tuple[str, str]]  # text and document
Write = Callable[[Path, Rows], object]

WORDS = ["NA", "null", "nan", "None", "true", "007", "7", "1e5", "1.10", "2020-01-01", "#", "\\"]
MARKS = ['"', "'", ",", "\t", "\n", "\r", "\r\n", ";", "|", "\\", " ", "\x00", "\u2028", "\ufeff"]
hostile = st.lists(
    st.one_of(st.sampled_from(WORDS + MARKS), st.text(st.characters(exclude_categories=["Cs"]))),
    max_size=6,
).map("".join)
# What is in no message: longer than any part of one that could be like it by chance.
tables = st.lists(st.tuples(hostile, st.sampled_from(["7", "007", "a b", "é", "x,y"])), min_size=1)


def _frame(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["text", "document"])


def _table(rows: Rows, kind: Any = None) -> pa.Table:
    texts, documents = zip(*rows, strict=True)
    return pa.table({"text": pa.array(texts, kind), "document": pa.array(documents, kind)})


def _python_csv(dialect: str, **options: Any) -> Write:
    def write(path: Path, rows: Rows) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, dialect, **options).writerows([("text", "document"), *rows])

    return write


def _pandas_csv(**options: Any) -> Write:
    return lambda path, rows: _frame(rows).to_csv(path, index=False, **options)


def _arrow_csv(quoting: Any) -> Write:
    options = arrow_csv.WriteOptions(quoting_style=quoting)
    return lambda path, rows: arrow_csv.write_csv(_table(rows), path, options)


def _json_lines(**options: Any) -> Write:
    def write(path: Path, rows: Rows) -> None:
        lines = [json.dumps({"text": t, "document": d}, **options) for t, d in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")

    return write


def _packed(write: Write, pack: Callable[[bytes], bytes]) -> Write:
    def packed(path: Path, rows: Rows) -> None:
        write(path, rows)
        path.write_bytes(pack(path.read_bytes()))

    return packed


def _zstandard(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def _parquet(kind: Any = None, **options: Any) -> Write:
    return lambda path, rows: parquet.write_table(_table(rows, kind), path, **options)


def _category(path: Path, rows: Rows) -> None:
    _frame(rows).astype("category").to_parquet(path)


ALL = csv.QUOTE_ALL
# A carriage return in a cell is quoted by these, so that nothing they write is unsure.
EXACT: dict[str, tuple[str, Write]] = {
    "python csv": ("csv", _python_csv("excel")),
    "python csv, all quoted": ("csv", _python_csv("unix")),
    "pandas csv, all quoted": ("csv", _pandas_csv(quoting=ALL)),
    "pandas csv with Windows ends": ("csv", _pandas_csv(lineterminator="\r\n")),
    "pandas csv with a mark": ("csv", _pandas_csv(quoting=ALL, encoding="utf-8-sig")),
    "pandas csv in UTF-16": ("csv", _pandas_csv(quoting=ALL, encoding="utf-16")),
    "pandas csv in UTF-32": ("csv", _pandas_csv(quoting=ALL, encoding="utf-32")),
    "pandas csv, gzip": ("csv.gz", _pandas_csv(quoting=ALL)),
    "pandas csv, bzip2": ("csv.bz2", _pandas_csv(quoting=ALL)),
    "pandas csv, xz": ("CSV.XZ", _pandas_csv(quoting=ALL, compression="xz")),
    "python csv, zstd": ("csv.zst", _packed(_python_csv("excel"), _zstandard)),
    "arrow csv": ("csv", _arrow_csv("needed")),
    "json": ("jsonl", _json_lines()),
    "json, not only ASCII": ("ndjson", _json_lines(ensure_ascii=False)),
    "json, gzip": ("jsonl.gz", _packed(_json_lines(), gzip.compress)),
    "json, bzip2": ("jsonl.bz2", _packed(_json_lines(), bz2.compress)),
    "json, xz": ("jsonl.xz", _packed(_json_lines(), lzma.compress)),
    "json, zstd": ("jsonl.zst", _packed(_json_lines(), _zstandard)),
    "json, two gzips in one": (
        "jsonl.gz",
        _packed(_json_lines(), lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])),
    ),
    "pandas json": (
        "jsonl",
        lambda path, rows: _frame(rows).to_json(path, orient="records", lines=True),
    ),
    "pandas parquet": ("parquet", lambda path, rows: _frame(rows).to_parquet(path)),
    "pandas parquet of categories": ("parquet", _category),
    "arrow parquet": ("parquet", _parquet(compression="zstd", row_group_size=2)),
    "arrow parquet, large": ("parquet", _parquet(pa.large_string(), compression="gzip")),
    "arrow parquet, views": ("parquet", _parquet(pa.string_view())),
}
OR_REFUSED: dict[str, tuple[str, Write]] = {
    "pandas csv": ("csv", _pandas_csv()),
    "pandas tsv": ("tsv", _pandas_csv(sep="\t")),
    "python tsv": ("tsv", _python_csv("excel-tab")),
    "python tsv, all quoted": ("tsv", _python_csv("excel-tab", quoting=ALL)),
    "arrow csv, nothing quoted": ("csv", _arrow_csv("none")),
}


def _written(rows: Rows, suffix: str, write: Write, folder: str) -> Path:
    path = Path(folder) / f"own.{suffix}"
    try:
        write(path, rows)
    except (pa.ArrowInvalid, csv.Error):  # this writer cannot: there is no table to read
        path.write_bytes(b"")
    return path


def _writes_views() -> bool:
    """Whether pyarrow writes views into Parquet, which older versions only hold."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            EXACT["arrow parquet, views"][1](Path(folder) / "own.parquet", [("text", "document")])
        except pa.ArrowNotImplementedError:
            return False
    return True


VIEWS = _writes_views()


def _texts(path: Path) -> Rows:
    found = reading.read(resolve(f"file:{path}"), path.parent)["train"]
    return list(zip(found["text"], found["document"], strict=True))


@pytest.mark.parametrize("name", EXACT)
@given(rows=tables)
@example(rows=[('"', "7"), ("", "007"), ("\r", "a b")])
@settings(max_examples=15, deadline=None, derandomize=True)
def test_what_libraries_write_is_read_back_equal(name: str, rows: Rows) -> None:
    if name == "arrow parquet, views" and not VIEWS:
        pytest.skip("this version of pyarrow writes no views")
    with tempfile.TemporaryDirectory() as folder:
        path = _written(rows, *EXACT[name], folder)
        assert _texts(path) == rows


@pytest.mark.parametrize("name", OR_REFUSED)
@given(rows=tables)
@example(rows=[('"a', "7"), ('b"', "7")])
@example(rows=[('"a b"', "7"), ("c", "7")])
@example(rows=[("a\r", "7"), ("b", "7"), ("c\rd", "7")])
@settings(max_examples=40, deadline=None, derandomize=True)
def test_what_is_unsure_is_refused_by_file_and_without_its_text(name: str, rows: Rows) -> None:
    secret = [(f"quorvexil{text}quorvexil", document) for text, document in rows]
    for table in (rows, secret):
        with tempfile.TemporaryDirectory() as folder:
            path = _written(table, *OR_REFUSED[name], folder)
            found = _texts_or_error(path)
            if isinstance(found, ValueError):
                assert str(path) in str(found)
                assert "quorvexil" not in str(found)
            else:
                assert found == table


def _texts_or_error(path: Path) -> Rows | ValueError:
    try:
        return _texts(path)
    except ValueError as error:
        return error


def test_polars_writes_what_is_read(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    rows = [('say "no",\n', "7"), ("", "007"), ("\r", "a"), ("NA\t", "é")]
    frame = polars.DataFrame(rows, schema=["text", "document"], orient="row")
    frame.write_csv(tmp_path / "own.csv")
    frame.write_ndjson(tmp_path / "own.jsonl")
    frame.write_parquet(tmp_path / "own.parquet")
    frame.cast({"document": polars.Categorical}).write_parquet(tmp_path / "other.parquet")
    for name in ("own.csv", "own.jsonl", "own.parquet", "other.parquet"):
        assert _texts(tmp_path / name) == rows, name


# --- single facts --------------------------------------------------------------------------------


def _read(path: Path, content: str | bytes, **options: Any) -> dict[str, list[Any]]:
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(raw)
    entry = Corpus.model_validate({"source": f"file:{path}", "reader": "table", **options})
    return reading.read(entry, path.parent)["train"].to_dict()


REFUSED = {
    "a byte of another encoding": ("a.jsonl", b'{"text": "a"}\n{"text": "\xe9"}', "line 2 has the"),
    "packed, and not called so": ("a.jsonl", gzip.compress(b"{}"), "its name must end in .gz"),
    "UTF-16 without its mark": ("a.csv", "text\na\n".encode("utf-16-le"), "without its mark"),
    "a cut surrogate": ("a.csv", b"\xff\xfet\x00\x00\xd8", "not somewhere after line"),
    "a pointer": ("a.jsonl", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "a pointer of parquet": ("a.parquet", "version https://git-lfs.github.com/\n", "git lfs pull"),
    "cut gzip": ("a.csv.gz", gzip.compress(b"text\nsecret\n" * 9)[:-9], "is cut, or is not .gz"),
    "no gzip": ("a.csv.gz", b"text\nsecret\n", "is cut, or is not .gz"),
    "no zstd": ("a.csv.zst", b"text\nsecret\n", "is cut, or is not .zst"),
    "no xz": ("a.csv.xz", b"text\nsecret\n", "is cut, or is not .xz"),
    "no bzip2": ("a.csv.bz2", b"text\nsecret\n", "is cut, or is not .bz2"),
    "no parquet": ("a.parquet", b"secret secret", "cannot be read"),
    "nothing": ("a.csv", b"", "is empty"),
    "empty lines alone": ("a.jsonl", b"\n \r\n", "is empty"),
    "a quotation mark": ("a.csv", 'text,document\nx,1\n"secret,2\n', "on line 3 never closes"),
    "text after one": ("a.csv", 'text\n"a" secret\n', "on line 2 text goes on after"),
    "a long row": ("a.csv", "text,document\nx,1\nsecret,secret,1\n", "line 3 has 3 cells"),
    "an escape": ("a.csv", 'text,document\nsay \\"secret,1\n', "line 2 has a backslash before"),
    "an escape in a tsv": ("a.tsv", 'text\tx\nsay \\"secret\t1\n', "line 2 has a backslash"),
    "a short row": ("a.csv", "text,document\nsecret\n", "line 2 has 1 cells"),
    "two kinds of ends": ("a.csv", "text\r\na\r\nsecret\n", "line 3 ends with '\\\\n'"),
    "ends of old": ("a.csv", "text\rsecret\r", "line 1 has a carriage return"),
    "columns of one name": ("a.csv", "text,x,x\na,b,c\n", "columns 2 and 3 have one name"),
    "semicolons": ("a.csv", "text;document\nsecret;1\n", "seems to have ';'"),
    "a missing line of names": ("a.csv", "a secret text,1\nb,2\n", "1, 1 that may be text"),
    "one array": ("a.jsonl", '[\n{"text": "secret"}]', "line 1 is not JSON"),
    "a list a line": ("a.jsonl", '["secret"]\n', "line 1 is a list"),
    "cut JSON": ("a.jsonl", '{"text": "a"}\n\n{"text": "secret\n', "line 3 is not JSON"),
    "a name twice": ("a.jsonl", '{"text": "a", "text": "secret"}', "line 1: an object has one"),
    "a number among texts": ("a.jsonl", '{"text": "a"}\n{"text": 3}', "line 2 holds a number"),
    "half a pair": ("a.jsonl", '{"text": "a"}\n{"text": "secret\\ud800"}', "line 2 has half of"),
    "lists of numbers": ("a.jsonl", '{"text": [1]}', "holds list<.*: int64>, not text"),
    "lists that lack a word": ("a.jsonl", '{"text": ["a", null]}', "lacks a word"),
    "another format": ("a.xlsx", b"secret", "the reader table takes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_table_is_refused_with_its_line_and_without_its_text(
    name: str, tmp_path: Path
) -> None:
    file, content, told = REFUSED[name]
    with pytest.raises(ValueError, match=told) as refused:
        _read(tmp_path / file, content)
    assert str(tmp_path / file) in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_tsv_may_have_quotation_marks_in_its_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["text\tdocument", '"Never closed\t1', 'he said "yes"\t1', "plain\t2"]
    read = _read(tmp_path / "own.tsv", "\n".join(lines))
    assert read["text"] == ['"Never closed', 'he said "yes"', "plain"]
    assert "quotation marks are part of its texts" in capsys.readouterr().out
    # Marks at both ends of a cell may be quotes: the file would be read in one of two ways.
    with pytest.raises(ValueError, match="on line 2 text goes on"):
        _read(tmp_path / "own.tsv", "\n".join([*lines, '"quoted"\t3']))
    # Closed by chance rows later, which no program writes.
    by_chance = ["text\tdocument", 'a\t"b', 'c\td"', "e\tf"]
    assert _read(tmp_path / "own.tsv", "\n".join(by_chance))["text"] == ["a", "c", "e"]


def test_cells_of_any_size_are_read(tmp_path: Path) -> None:
    long = "word, " * 2_000_000
    packed = gzip.compress(f'text\n"{long}"\nshort\n'.encode())
    assert _read(tmp_path / "own.csv.gz", packed)["text"] == [long, "short"]
    assert _read(tmp_path / "own.jsonl", json.dumps({"text": long}))["text"] == [long]


def test_a_column_keeps_its_kind_over_all_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("json_lines", "delimited"):
        monkeypatch.setattr(f"lm_geometry.data_prep.corpora.{module}.BLOCK", 1)
    lines: list[dict[str, Any]] = [
        {"text": "a", "part": 1, "many": [], "mixed": "x"},
        {"text": "b", "part": 1.5, "many": ["y"], "late": True, "mixed": {"y": 1}},
        {"text": None, "big": 2**70, "document": 8},
        {"document": "8"},
    ]
    content = "\n".join(map(json.dumps, lines))
    assert _read(tmp_path / "own.jsonl", content) == {
        "text": ["a", "b", None, None],
        "document": ["row-0", "row-1", "8", "8"],
        "part": [1.0, 1.5, None, None],
        "many": [[], ["y"], None, None],
        "late": [None, True, None, None],
    }
    told = capsys.readouterr().out
    assert "mixed: line 2 holds an object" in told
    assert "big: line 3 holds a number that no column can hold" in told
    assert "2 of 4 rows have no document" in told


def test_numbers_that_look_like_identities_stay_texts(tmp_path: Path) -> None:
    header = "text,document,whole,part,zip,version,both,empty,big\n"
    rows = [
        "a,007,1,1.5,01234,1.10,1,,12345678901234567890\n",
        "b,7,,-2.0,56789,1.1,1.0,,1\n",
    ]
    read = _read(tmp_path / "own.csv", header + "".join(rows))
    assert read["document"] == ["007", "7"]
    assert read["whole"] == [1, None]
    assert read["part"] == [1.5, -2.0]
    assert read["zip"] == ["01234", "56789"]
    assert read["version"] == ["1.10", "1.1"]
    assert read["both"] == ["1", "1.0"]
    assert read["empty"] == ["", ""]
    assert read["big"] == ["12345678901234567890", "1"]


def test_an_empty_line_of_one_column_is_a_row(tmp_path: Path) -> None:
    assert _read(tmp_path / "own.csv", 'text\na\n\n""\nb\n')["text"] == ["a", "", "", "b"]
    assert _read(tmp_path / "own.csv", "text,x\na,1\n\nb,2\n")["text"] == ["a", "b"]


def test_rows_without_a_document_are_each_their_own(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    frames = {
        "floats": ([1.0, np.nan, 2.0], ["1", "row-1", "2"]),
        "texts": (["1", None, ""], ["1", "row-1", "row-2"]),
        "categories": (pd.Categorical(["a", None, "row-1"]), ["a", "row-row-1", "row-1"]),
    }
    for name, (values, documents) in frames.items():
        pd.DataFrame({"text": list("abc"), "document": values}).to_parquet(path)
        read = reading.read(resolve(f"file:{path}"), tmp_path)["train"]
        assert read["document"][:] == documents, name


def test_rows_of_several_files_are_documents_of_their_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "x"}\n{"text": "y"}\n')
        (tmp_path / f"{name}.txt").write_text("x\n\ny\n")
    for reader, suffix in (("table", "jsonl"), ("text", "txt")):
        files = [f"file:{tmp_path / name}.{suffix}" for name in ("a", "b")]
        entry = Corpus.model_validate({"source": files, "reader": reader})
        documents = reading.read(entry, tmp_path)["train"]["document"][:]
        assert len(set(documents)) == 4, reader


@pytest.mark.parametrize(
    ("columns", "left"),
    [
        ({"words": 3, "tags": ["sport"]}, {"source_words": 3, "source_tags": ["sport"]}),
        ({"words": ["keyword"]}, {"source_words": ["keyword"]}),
        ({"words": ["a", "b"], "tags": [1]}, {"source_words": ["a", "b"], "source_tags": [1]}),
        ({"label": {"x": 1}}, {"source_label": {"x": 1}}),
        ({"tags": "sport"}, {"tags": "sport"}),
        ({"document": ["a"]}, {"source_document": ["a"]}),
        ({"source_text": 1, "words": ["a", "b"]}, {"source_text": 1, "words": ["a", "b"]}),
    ],
)
def test_columns_that_only_have_a_name_in_common_are_left_alone(
    columns: dict[str, Any], left: dict[str, Any], tmp_path: Path
) -> None:
    read = _read(tmp_path / "own.jsonl", json.dumps({"text": "a b", **columns}))
    assert read == {"text": ["a b"], "document": ["0"]} | {k: [v] for k, v in left.items()}


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        (pa.array([[1]]), {"label_column": "own"}, "not a label a row"),
        (pa.array([b"\xff"]), {"label_column": "own"}, "which is no label"),
        (pa.array([b"\xff"]), {"document_column": "own"}, "which names no documents"),
        (pa.array([3]), {"tags_column": "own"}, "own of row 0 is of type int, not a list"),
        (pa.array([b"a"]), {"column": "own"}, "'own' holds binary, not text"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())), {"column": "own"}, "cannot be"),
    ],
)
def test_columns_that_are_asked_for_must_be_what_they_are_for(
    values: Any, options: dict[str, str], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.parquet"
    parquet.write_table(pa.table({"text": ["a"], "own": values}), path)
    entry = Corpus.model_validate({"source": f"file:{path}", "reader": "table", **options})
    with pytest.raises(ValueError, match=told):
        reading.read(entry, tmp_path)
    assert reading.read(resolve(f"file:{path}"), tmp_path)["train"]["text"][:] == ["a"]


def test_parquet_that_breaks_its_own_rules_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    ends = b"".join(end.to_bytes(4, "little") for end in (0, 1))
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(b"\xff")]
    )
    parquet.write_table(pa.table({"text": broken}), path)
    with pytest.raises(ValueError, match="'text' cannot be read: string: In chunk 0: Invalid"):
        reading.read(resolve(f"file:{path}"), tmp_path)
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    parquet.write_table(twice, path)
    with pytest.raises(ValueError, match="two columns have one name"):
        reading.read(resolve(f"file:{path}"), tmp_path)


def test_text_files_are_read_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "own.txt.gz"
    entry = resolve(f"file:{path}").model_copy(update={"unit": "lines"})
    assert entry.reader == "text"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(gzip.compress("a\u2028b\r\nc\x0cd\r\n".encode(encoding)))
        read = reading.read(entry, tmp_path)["train"]["text"][:]
        assert read == ["a\u2028b", "c\x0cd"], encoding
    path.write_bytes(gzip.compress(b"a\n\xe9\n"))
    with pytest.raises(ValueError, match="line 2 has the byte 0xe9"):
        reading.read(entry, tmp_path)


def test_the_format_may_stand_in_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.csv").write_text("text\na\n")
    monkeypatch.setenv("OWN_TEXTS", str(tmp_path / "own.csv"))
    assert reading.read(resolve("file:${OWN_TEXTS}"), tmp_path)["train"]["text"][:] == ["a"]


def test_tables_in_a_folder_are_read_as_they_are_alone(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "train-0.csv").write_text("text,document,x\nNA,007,1\n")
    (folder / "train-1.csv").write_text("text,document,x\nnull,7,2\n")
    (folder / "validation.csv").write_text("text,document,x\nb,,3\n")
    (folder / "notes.md").write_text("Train and validation.\n")
    found = reading.read(resolve(f"file:{folder}"), tmp_path)
    assert {split: rows.to_dict() for split, rows in found.items()} == {
        "train": {"text": ["NA", "null"], "document": ["007", "7"], "x": [1, 2]},
        "validation": {"text": ["b"], "document": ["0"], "x": [3]},
    }
    (folder / "train-1.csv").write_text('text,document,x\n"secret,7,2\n')
    with pytest.raises(ValueError, match=r"train-1.csv: the quotation mark that opens on line 2"):
        reading.read(resolve(f"file:{folder}"), tmp_path)
    (folder / "train-1.csv").write_text("text,document,x\na,7,secret\n")
    with pytest.raises(ValueError, match="columns of several kinds: x;"):
        reading.read(resolve(f"file:{folder}"), tmp_path)
