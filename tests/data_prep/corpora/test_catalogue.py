"""catalogue/corpora.yaml: its sources, what may be passed on, and what an entry may say."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from lm_geometry.data_prep.corpora.catalogue import Corpus, read_corpora, resolve
from lm_geometry.models import sources

CATALOGUE = read_corpora()


@pytest.mark.parametrize("alias", CATALOGUE)
def test_every_source_of_the_catalogue_can_be_parsed(alias: str) -> None:
    for text in CATALOGUE[alias].sources:
        source = sources.parse(text)
        assert (source.scheme == "package") == bool(source.sha256)


def test_copyrighted_and_research_text_is_not_passed_on() -> None:
    kept = {alias for alias, entry in CATALOGUE.items() if not entry.redistribute}
    assert {"news", "reviews", "transcripts", "bookcorpus", "pile-10k", "dailydialog"} <= kept
    assert not {"speeches", "early-speeches", "encyclopaedia", "small-dialogues"} & kept
    assert not resolve("hub:org/name").redistribute


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"reader": "text", "years": [1, 2]}, "years is for the reader speeches, not for text"),
        ({"reader": "speeches", "years": [1900, 1800]}, r"must be \[first, last\]"),
        ({"reader": "convlab", "column": "body"}, "column is for the reader huggingface and table"),
        ({"reader": "novel"}, "Input should be 'speeches'"),
        ({"reader": "text", "licens": "MIT"}, "Extra inputs"),
    ],
)
def test_entries_with_idle_or_wrong_options_are_refused(
    values: dict[str, object], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        Corpus.model_validate({"source": "file:x", **values})


def test_names_in_params_resolve(tmp_path: Path) -> None:
    assert resolve("hub:org/name@v2").reader == "huggingface"
    assert resolve("file:a/b.jsonl.gz").reader == "table"
    assert resolve("file:a/b.txt").reader == "text"
    assert resolve("file:a/b c.txt as mine") == resolve("file:a/b c.txt")
    assert resolve("file:a/folder-v1.2").reader == "huggingface"
    with pytest.raises(ValueError, match="does not tell the format"):
        resolve("file:a/data.zip")
    with pytest.raises(ValueError, match=r"'speches' is not in catalogue/corpora\.yaml"):
        resolve("speches")
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "corpora.yaml").write_text("My.Corpus: {source: x, reader: text}\n")
    with pytest.raises(ValueError, match=r"My\.Corpus: an alias has only a-z"):
        read_corpora(tmp_path)
