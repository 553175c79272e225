"""Articles of a MediaWiki export, as plain paragraphs."""

import bz2
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row

SHORTEST = 200  # characters; below are headings, captions and items of lists
APPARATUS = re.compile(
    r"^==\s*(?:references?|notes?|footnotes?|citations?|sources?|see also|further reading"
    r"|external links|(?:selected |select )?bibliography|notes and references"
    r"|references and notes|works cited|literature)\s*==\s*$",
    re.IGNORECASE | re.MULTILINE,
)
FOOTNOTE = re.compile(r"<ref[^<>]*/>|<ref[^<>]*>.*?</ref\s*>", re.IGNORECASE | re.DOTALL)
BROKEN = re.compile(r"\[\[|\]\]|\{\{|\}\}|\{\||\|thumb|</?ref", re.IGNORECASE)
NOT_PROSE = ("file:", "image:", "category:")
# What is left in a sentence where a template stood, as in "Alabama (; , born 1819)".
LEFT_OVERS = [
    (re.compile(r"''+"), ""),
    (re.compile(r"[ \t\u00a0]+"), " "),
    (re.compile(r"\((?:\s*[;,:–-])+\s*"), "("),
    (re.compile(r"(?:[;,:]\s*)+\)"), ")"),
    (re.compile(r"([;,])(?:\s*[;,])+"), r"\1"),
    (re.compile(r"\s*\(\s*\)"), ""),
    (re.compile(r"\(\s+"), "("),
    (re.compile(r"\s+(?=[),.;])(?!\.\d)"), ""),
]


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per paragraph of at least 200 characters; the document is the article's title.

    Redirects and footnotes are dropped, and each article ends where its references and links begin.
    """
    for title, source in _articles(path):
        for line in _plain(source).splitlines():
            paragraph = clean(line)
            if len(paragraph) >= SHORTEST and not BROKEN.search(paragraph):
                yield {"text": paragraph, "document": title}


def clean(line: str) -> str:
    """The line without what removed templates leave behind: `(; , x)`, `()`, double spaces."""
    for pattern, replacement in LEFT_OVERS:
        line = pattern.sub(replacement, line)
    return line.strip().lstrip(",;:. ")


def _articles(path: Path) -> Iterator[tuple[str, str]]:
    """Title and wikitext of each page in the main namespace that is no redirect."""
    with bz2.open(path) as file:
        for _, page in ElementTree.iterparse(file):
            if page.tag.rpartition("}")[2] != "page":
                continue
            found = {child.tag.rpartition("}")[2]: child for child in page}
            text = next((part.text for part in page.iter() if part.tag.endswith("}text")), "")
            if found["ns"].text == "0" and "redirect" not in found and text:
                yield found["title"].text or "", text
            page.clear()


def _plain(source: str) -> str:
    """Wikitext without apparatus, tables, templates, pictures and markup."""
    import mwparserfromhell

    end = APPARATUS.search(source)
    source = FOOTNOTE.sub("", source[: end.start()] if end else source)
    code = mwparserfromhell.parse(source)
    for link in code.filter_wikilinks():
        if str(link.title).strip().lower().startswith(NOT_PROSE):
            _remove(code, link)
    for table in code.filter_tags(matches=lambda tag: tag.tag in ("table", "gallery", "math")):
        _remove(code, table)
    return code.strip_code(normalize=True, collapse=True)


def _remove(code: Any, node: Any) -> None:
    # One inside another that was removed is gone already.
    with contextlib.suppress(ValueError):
        code.remove(node)
