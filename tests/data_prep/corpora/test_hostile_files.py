"""Files that would crash a parser, or fill the memory, are refused in one sentence."""

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from lm_geometry.data_prep.corpora import convlab, json_files, json_lines, lines, multiwoz, sgd

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
