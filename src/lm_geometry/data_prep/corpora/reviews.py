"""Labelled film reviews."""

import csv
from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row

NAMES = {"0": "negative", "1": "positive"}


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per review; columns document (row number), label (negative, positive), collection.

    Line breaks that stand as `<br />` become newlines.
    """
    with path.open(encoding="utf-8", newline="") as file:
        for number, review in enumerate(csv.DictReader(file)):
            yield {
                "text": review["text"].replace("<br />", "\n"),
                "document": str(number),
                "label": NAMES[review["label"]],
                "collection": review["source"],
            }
