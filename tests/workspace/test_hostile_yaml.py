"""YAML that would take time or memory without bound is refused, naming the file."""

from pathlib import Path

import pytest
from ruamel.yaml import YAMLError

from lm_geometry.workspace.section import read_yaml

REPEATED = "a0: &a0 [1, 1]\n" + "".join(
    f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)
)
MERGED = "a0: &a0 {k: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], k{i}: 1}}\n" for i in range(1, 9)
)
WRONG = {
    "aliases": (REPEATED, "aliases repeat"),
    "itself": ("a: &a [*a]\n", "aliases repeat"),
    "merges": (MERGED, "aliases repeat"),
    "set": ("a: !!set {b}\n", "set is no kind of value"),
    "python": ("a: !!python/object/apply:os.system [id]\n", "python/object/apply:os.system is no"),
    "date": ("a: 2024-13-45\n", "not what it is written as"),
    "integer": ("a: !!int abc\n", "not what it is written as"),
    "truth": ("a: !!bool abc\n", "not what it is written as"),
    "digits": (f"a: {'9' * 5000}\n", "not what it is written as"),
    "flow": ("a: " + "[" * 3000, "brackets are open"),
    "block": ("- " * 3000 + "1", "nested too deeply"),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_refused_at_once(tmp_path: Path, name: str) -> None:
    text, told = WRONG[name]
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(YAMLError, match=rf"params.yaml.*{told}"):
        read_yaml(file)


def test_a_file_of_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes("seed: 1  # ü".encode("latin-1"))
    with pytest.raises(YAMLError, match=r"params.yaml is not UTF-8"):
        read_yaml(tmp_path / "params.yaml")


def test_aliases_and_brackets_have_their_use(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &a [1, [2]]\nb: *a\nc: '[['\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": [1, [2]], "b": [1, [2]], "c": "[["}
