"""Files that would crash a parser, or fill the memory, are refused in one sentence."""

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lm_geometry.data_prep.corpora import (
    convlab,
    delimited,
    json_files,
    json_lines,
    lines,
    multiwoz,
    sgd,
    text,
)
from lm_geometry.data_prep.corpora.catalogue import Corpus

NESTED = [101, 900, 20_000, 200_000]


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("depth", NESTED)
def test_nested_values_are_refused_before_arrow_sees_them(tmp_path: Path, depth: int) -> None:
    file = tmp_path / "deep.jsonl"
    file.write_text('{"text": "a"}\n{"text": "b", "more": ' + nested(depth) + "}\n")
    with pytest.raises(ValueError, match=r"deep.jsonl: line 2: .* more than 100 deep"):
        json_lines.read(file, None)


def test_many_brackets_beside_each_other_are_no_depth(tmp_path: Path) -> None:
    file = tmp_path / "wide.jsonl"
    file.write_text(json.dumps({"text": "[" * 500, "more": [[1, 2]] * 300}) + "\n")
    part, unreadable = json_lines.read(file, None)
    assert unreadable == {}
    assert part.table().column("more").to_pylist() == [[[1, 2]] * 300]


@pytest.mark.parametrize("depth", NESTED)
@pytest.mark.parametrize("objects", [False, True])
def test_json_is_as_deep_as_it_may_be(depth: int, objects: bool) -> None:
    text = '{"a":' * depth + "1" + "}" * depth if objects else nested(depth)
    with pytest.raises(ValueError, match=r"d.json: lists and objects stand more than 100 deep"):
        json_files.parsed(text, Path("d.json"))
    assert json_files.parsed(nested(100), Path("d.json"))


def json_folder(folder: Path, way: str, content: str) -> Path:
    """A folder of JSON that `datasets` reads, and not the reader `table`."""
    folder.mkdir()
    if way == "gz":
        (folder / "train.json.gz").write_bytes(gzip.compress(content.encode()))
    elif way == "zip":
        with zipfile.ZipFile(folder / "train.zip", "w") as archive:
            archive.writestr("train.jsonl", content)
    elif way == "metadata":
        (folder / "metadata.jsonl").write_text(content)
        (folder / "picture.png").write_bytes(b"")
    else:
        (folder / way).write_text(content)
    named = {"train.jsonl": [way], "train.csv": ["even.json", "odd.json", way]}.get(way, [])
    for name in named[:-1]:  # by which `datasets` takes the other for JSON as well
        (folder / name).write_text('{"text": "a"}\n')
    if named:
        configs = [{"config_name": "default", "data_files": named}]
        (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n")
    return folder


WAYS = ["train.json", "train.jsonl", "train.csv", "gz", "zip", "metadata"]


@pytest.mark.parametrize("way", WAYS)
def test_nested_values_are_refused_before_datasets_reads_them(tmp_path: Path, way: str) -> None:
    """In a process of its own, which a parser that crashes would end."""
    line = '{"text": "a", "file_name": "picture.png", "more": ' + nested(200_000) + "}\n"
    folder = json_folder(tmp_path / "folder", way, line)
    done = subprocess.run(
        [sys.executable, "-c", READING, str(folder), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("SourceError "), (done.returncode, done.stderr[-2000:])
    assert "lists and objects stand more than 100 deep" in done.stdout


READING = """
import sys
from pathlib import Path
import datasets
from lm_geometry.data_prep.corpora import huggingface
from lm_geometry.models.sources import Source
datasets.config.HF_DATASETS_CACHE = Path(sys.argv[2]) / "cache"
try:
    huggingface.read(Source("file", sys.argv[1]), None, Path(sys.argv[2]), private=False)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_depth_is_counted_outside_of_texts(size: int) -> None:
    def pieces(text: str) -> list[str]:
        return [text[i : i + size] for i in range(0, len(text), size)]

    fine = json.dumps({"text": '\\"[' * 200 + "\\", "more": [[1, 2]] * 300}, indent=1)
    json_files.refuse_deep_text(pieces(f"{fine}\n{fine}" + nested(100)), "f.json")
    for deep in (nested(101), '{"a": "\\\\"}' + nested(101), "]" * 50 + "[\n" * 101):
        with pytest.raises(ValueError, match=r"f.json: .* more than 100 deep"):
            json_files.refuse_deep_text(pieces(deep), "f.json")
    for cut in ('{"a": "b\n"}', '{"a": "b\\\n"}'):
        with pytest.raises(ValueError, match=r"f.json is no JSON: a text in it does not end"):
            json_files.refuse_deep_text(pieces(cut), "f.json")


def test_archives_are_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "data.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/dialogues.json", "[" + " " * 10_000 + "]")
    assert convlab._dialogues(bomb) == []
    monkeypatch.setattr(json_files, "LARGEST", 10_000)
    with pytest.raises(ValueError, match=r"data.zip: .*json has 10,002 bytes unpacked"):
        convlab._dialogues(bomb)
    packed = tmp_path / "dialogues.json.gz"
    packed.write_bytes(gzip.compress(b"[" + b" " * 10_000 + b"]"))
    with pytest.raises(ValueError, match="more than 10,000 bytes unpacked"):
        sgd._read(packed)


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04 cut"])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    for name, read in (("data.zip", convlab._dialogues), ("val.json.zip", _multiwoz)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is no whole zip archive"):
            read(tmp_path / name)


def _multiwoz(file: Path) -> object:
    return multiwoz._read(file.parent, "val")


@pytest.mark.parametrize("ending", [".txt", ".txt.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, encoding: str
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1000)
    content = ("short\n" + "x" * 3000).encode(encoding)
    file = tmp_path / f"a{ending}"
    file.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    with pytest.raises(ValueError, match=f"a{ending}: line 2 has more than 1,000 characters"):
        list(lines.text_lines(file))


def test_a_paragraph_and_a_row_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1000)
    entry = Corpus.model_validate({"source": "file:a.txt.gz", "reader": "text"})
    many = "short\n" * 300
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress(f"one\n\n{many}".encode()))
    with pytest.raises(ValueError, match=r"a.txt.gz: the paragraph that line \d+ is in has more "):
        text.read(file, entry)
    by_line = entry.model_copy(update={"unit": "lines"})
    assert len(text.read(file, by_line)) == 302
    file.write_bytes(gzip.compress("\n".join(["short\n" * 100] * 5).encode()))
    assert len(text.read(file, entry)) == 5
    table = tmp_path / "a.csv.gz"
    table.write_bytes(gzip.compress(f'text,more\na,b\n"{many}",d\n'.encode()))
    with pytest.raises(ValueError, match=r"a.csv.gz: the row that begins on line 3 has more than "):
        delimited.read(table, ",", set())
    table.write_bytes(gzip.compress(b"text,more\n" + b"a,b\n" * 1000))
    assert len(delimited.read(table, ",", set())) == 1000
