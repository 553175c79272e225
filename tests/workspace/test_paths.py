"""Names in paths and tables: one for each source, and printed whatever the terminal has."""

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.workspace.paths import columns_of, corpus_names, name_of, names_of, source_and_name
from tests.structure import ROOT

SOURCES = [
    "news",
    "file:/a/news.jsonl",
    "file:/b/news.csv",
    "file:c/News",
    "hub:a/b-c",
    "hub:a-b/c",
]


def test_no_two_sources_of_a_run_share_a_name() -> None:
    names = names_of(SOURCES)
    assert len(set(names.values())) == len(SOURCES)
    assert names["news"] == "news"
    assert names_of(SOURCES[1:2]) == {"file:/a/news.jsonl": "news"}
    assert names_of([*SOURCES[1:2]] * 2) == {"file:/a/news.jsonl": "news"}
    data = {"train": SOURCES[1], "evaluate": [SOURCES[1]], "prompts": {"corpus": "news"}}
    assert corpus_names(data)[SOURCES[1]] == names[SOURCES[1]]
    assert corpus_names({"train": SOURCES[1], "evaluate": []}) == {SOURCES[1]: "news"}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True))
def test_names_are_those_of_one_folder_each(paths: list[str]) -> None:
    names = names_of(f"file:{path}" for path in paths)
    assert len(set(names.values())) == len(paths)
    for name in names.values():
        assert 0 < len(f".{name}-validation.parquet.tmp".encode()) < 255
        assert not set(name) & set("/\\:*?\"'<>| \n\0")
        assert name.strip(".-") == name
        assert name_of(name) == name


def test_a_name_is_printed_where_the_encoding_lacks_it() -> None:
    for script in (ROOT / "stages").glob("*.py"):
        text = script.read_text(encoding="utf-8")
        assert "print_any_character()\n" in text or "with running(" in text, script.name
    code = (
        "from lm_geometry.workspace.printing import print_any_character\n"
        "print_any_character(); print('新闻')"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    assert done.stdout == b"\\u65b0\\u95fb\n"


def test_a_file_is_called_as_one_says() -> None:
    assert name_of("file:/x/validation.jsonl as mine-2") == "mine-2"
    assert name_of("file:/x/as you like.txt") == "as-you-like"
    assert source_and_name("file:/x/a b.txt as mine") == ("file:/x/a b.txt", "mine")
    assert source_and_name("file:/x/a.txt as Mine") == ("file:/x/a.txt as Mine", "")
    both = ["file:/x/a.txt as one", "file:/y/a.txt as two"]
    assert list(names_of(both).values()) == ["one", "two"]
    same = names_of(["file:/x/a.txt as one", "file:/y/a.txt as one"])
    assert len(set(same.values())) == 2


def test_a_line_may_name_columns() -> None:
    line = "file:/x/a b.jsonl as mine, column=abstract, document_column=paper id"
    assert source_and_name(line) == ("file:/x/a b.jsonl", "mine")
    assert columns_of(line) == {"column": "abstract", "document_column": "paper id"}
    assert name_of(line) == "mine"
    assert name_of("file:/x/a.jsonl, column=title") == "a"
    assert columns_of("hub:me/data as own,column=title") == {"column": "title"}
    assert source_and_name("file:/x/a, b.txt") == ("file:/x/a, b.txt", "")
    both = names_of(["file:/x/a.jsonl, column=title", "file:/x/a.jsonl"])
    assert len(set(both.values())) == 2
