"""`cached_{train,dev,test}_features` of TripPy and TripPy-R: model inputs with their labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.given_tokens import torch_files
from lm_geometry.data_prep.corpora.given_tokens.rows import (
    GivenTokens,
    dialogue_and_turn,
    files_of,
)
from lm_geometry.data_prep.corpora.rows import Row

FILES = "cached_{split}_features"


class Features:
    """Stands for `utils_dst.InputFeatures`: its attributes, and no code."""


class Example:
    """Stands for `utils_dst.DSTExample`, of which nothing is used."""


STUBS = {"utils_dst.InputFeatures": Features, "utils_dst.DSTExample": Example}


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per user turn: what the model reads of it and of the turns before it.

    Columns: document (dialogue), turn, split, input_ids, and mask_user, which is true at tokens of
    the user turn. TripPy's own files are lists of features, TripPy-R's pairs of them and examples.
    """
    given = GivenTokens(entry)
    for split, file in files_of(path, FILES):
        for number, feature in enumerate(_features(file)):
            where = f"{file}, feature {number}"
            try:
                ids, mask = feature.input_ids, feature.input_mask
                document, turn = dialogue_and_turn(str(feature.guid))
                user = {"mask_user": [bool(value) for value in feature.usr_mask]}
            except (AttributeError, TypeError) as error:
                raise ValueError(f"{where}: {error}") from None
            found = given.row(where, ids, mask, user)
            if found is not None:
                yield {**found, "document": document, "turn": turn, "split": split}
        given.tell(file)


def _features(file: Path) -> list[Any]:
    found = torch_files.load(file, STUBS)
    if isinstance(found, tuple) and len(found) == 2:
        found = found[0]
    if not isinstance(found, list) or not all(isinstance(one, Features) for one in found):
        raise ValueError(f"{file} is no list of features of TripPy, nor a pair of such a list")
    return found
