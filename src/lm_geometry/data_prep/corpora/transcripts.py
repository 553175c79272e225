"""Transcripts of a television series, one utterance a line."""

import csv
from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row

HEADER_LINES = 3  # names, types and roles of the columns


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per utterance; the document is the episode; columns title, speaker.

    Utterances keep the white space that they have in the file.
    """
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter="\t")
        names = next(lines)
        for _ in range(HEADER_LINES - 1):
            next(lines)
        for line in filter(None, lines):
            utterance = dict(zip(names, line, strict=True))
            yield {
                "text": utterance["Quote"],
                "document": utterance["Season & Episode"],
                "title": utterance["Title"],
                "speaker": utterance["Author"],
            }
