"""Which sequences of a corpus are in a split."""

from collections.abc import Mapping

import numpy as np

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import listed
from lm_geometry.data_prep.corpora.data_sets import as_table, in_memory
from lm_geometry.data_prep.corpora.documents import document_numbers
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.params import DataPrep
from lm_geometry.point_cloud.shapes import Int8
from lm_geometry.workspace.seeds import stream

WHOLE = "all"
ALSO = {"dev": "validation", "validation": "dev"}
DIVIDED = ("train", "validation", "test")


def hold_out(parts: Mapping[str, Part], name: str, entry: Corpus, seed: int) -> dict[str, Part]:
    """A source's splits with those that the entry makes of parts of them.

    Their documents are drawn by `seed` out of all, whatever is filtered later. Raises ValueError
    for a split that the source has, or has not, and for one that has too few documents.
    """
    found = dict(parts)
    for split, held in entry.hold_out.items():
        if split in parts or ALSO.get(split) in parts:
            raise ValueError(
                f"corpus {name}: its hold_out makes the split {split}, which its source has"
            )
        if held.of not in parts:
            raise ValueError(
                f"corpus {name}: its hold_out takes {split} from {held.of}, and its source has "
                f"only {', '.join(parts)}"
            )
        whole = found[held.of]
        document, number = document_numbers(whole)
        if number <= held.documents:
            raise ValueError(
                f"corpus {name}: {held.documents} documents cannot be held out as {split}: "
                f"{held.of} has {number}"
            )
        place = stream(seed, "hold_out", split).permutation(number)[document]
        found[split] = whole.select(np.flatnonzero(place < held.documents))
        found[held.of] = whole.select(np.flatnonzero(place >= held.documents))
    return found


class NoSplitError(ValueError):
    """The source has no such split."""


def divide(
    parts: Mapping[str, Part], name: str, entry: Corpus, split: str, section: DataPrep
) -> Part:
    """The rows of one split: the source's own, or made by proportions; dev is validation, and all
    are those of every split of the source.

    Raises NoSplitError where the source has no such split, and ValueError where it cannot be
    divided.
    """
    if split == WHOLE:
        return _whole(parts, name)
    if entry.splits == "native" or (entry.splits == "auto" and len(parts) > 1):
        own = next((own for own in (split, ALSO.get(split)) if own in parts), None)
        if own is None:
            raise NoSplitError(
                f"corpus {name} has no split {split!r}, only {', '.join(parts)}; in its catalogue "
                "entry `splits: proportions` divides its train split, and "
                "`rename_splits: {OTHER: train}` gives it one"
            )
        return parts[own]
    if "train" not in parts and len(parts) > 1:
        raise ValueError(f"corpus {name} has no split 'train' to divide, only {', '.join(parts)}")
    whole = parts["train"] if "train" in parts else next(iter(parts.values()))
    wanted = DIVIDED.index("validation" if split == "dev" else split)
    if section.order == "paper":
        return whole.select(_by_row(len(whole), section)[wanted])
    return whole.select(np.flatnonzero(_by_document(whole, name, section) == wanted))


def _whole(parts: Mapping[str, Part], name: str) -> Part:
    """The rows of all splits in their order, with the columns that each of them has alike."""
    rows = list(parts.values())
    if len(rows) == 1:
        return rows[0]
    kinds = [dict(part.features) for part in rows]
    alike = [
        column for column in kinds[0] if all(own.get(column) == kinds[0][column] for own in kinds)
    ]
    if others := sorted(set[str]().union(*kinds) - set(alike)):
        print(f"{name}: not in every split, and left out: {listed(others)}", flush=True)
    return Part.joined([part.only(alike) for part in rows])


def _by_row(rows: int, section: DataPrep) -> list[np.ndarray]:
    """Train, validation and test as published: two draws with one seed, whatever the document."""
    import pyarrow

    held_out = section.proportions.validation + section.proportions.test
    whole = in_memory(pyarrow.table({"row": np.arange(rows)}))
    first = whole.train_test_split(test_size=held_out, shuffle=True, seed=section.split_seed)
    second = first["test"].train_test_split(
        test_size=section.proportions.test / held_out, shuffle=True, seed=section.split_seed
    )
    drawn = (first["train"], second["train"], second["test"])
    return [np.asarray(as_table(part).column("row")) for part in drawn]


def _by_document(whole: Part, name: str, section: DataPrep) -> Int8[np.ndarray, "rows"]:
    """The number of each row's split in DIVIDED.

    Documents are drawn, by `split_seed` and their order alone; each is in one split only.
    """
    document, number = document_numbers(whole)
    if number < len(DIVIDED):
        raise ValueError(f"corpus {name}: its {number} documents cannot make three splits")
    test = max(1, round(section.proportions.test * number))
    validation = max(1, round(section.proportions.validation * number))
    place = stream(section.split_seed, "split").permutation(number)
    held_out = np.zeros(number, np.int8)
    held_out[place < test + validation] = 1
    held_out[place < test] = 2
    return held_out[document]
