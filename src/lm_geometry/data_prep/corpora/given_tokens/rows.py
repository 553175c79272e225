"""Rows of sequences that others tokenised: ids without padding, and a text that they decode to."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.data_prep.model_names import source_of
from lm_geometry.models.load import tokenizer_of

SPLITS = {"train": "train", "dev": "validation", "test": "test"}  # of files, by their names


class GivenTokens:
    """Makes the rows of a corpus of token ids, and counts what is taken off.

    `text` is what the tokenizer of the entry decodes the ids to, special tokens and all: embed
    knows by it whether the tokenizer of a model is the one that made them.
    """

    def __init__(self, entry: Corpus) -> None:
        assert entry.tokenizer is not None  # the entry is valid
        self._name = entry.tokenizer
        self._tokenizer = tokenizer_of(source_of(entry.tokenizer))
        self._known = len(self._tokenizer)
        self._padding = self._empty = self._rows = 0

    def row(
        self,
        where: str,
        ids: Sequence[int],
        mask: Sequence[int] | None,
        per_token: Mapping[str, Sequence[bool]] | None = None,
    ) -> Row | None:
        """`text` and `input_ids` of one sequence, and columns with a value for each of its tokens.

        `mask` is 1 at tokens and 0 at padding, all 1 where it is None. None for a sequence of
        padding alone. Raises ValueError, which begins with `where`, for ids that the tokenizer has
        not, and for values that are not one for each id.
        """
        numbers = _whole_numbers(ids, where, "input_ids")
        kept = self._kept(numbers, mask, where)
        self._padding += len(numbers) - int(kept.sum())
        own = numbers[kept]
        if not len(own):
            self._empty += 1
            return None
        if own.min() < 0 or own.max() >= self._known:
            wrong = int(own.max() if own.max() >= self._known else own.min())
            raise ValueError(
                f"{where}: token {wrong} is none of the {self._known} of {self._name}: "
                "tokenizer names the one that made the ids"
            )
        self._rows += 1
        listed = own.tolist()
        found: Row = {"text": self._tokenizer.decode(listed), "input_ids": listed}
        for name, values in (per_token or {}).items():
            if len(values) != len(numbers):
                raise ValueError(f"{where}: {name} has {len(values)} for {len(numbers)} tokens")
            found[name] = [value for value, there in zip(values, kept, strict=True) if there]
        return found

    def tell(self, path: Path) -> None:
        """Print how many rows there were since it was told last, and what was taken off."""
        empty = f", {self._empty} rows of padding alone left out" if self._empty else ""
        print(
            f"{path.name}: {self._rows} sequences of given tokens, "
            f"{self._padding} of padding taken off{empty}",
            flush=True,
        )
        self._padding = self._empty = self._rows = 0

    def _kept(self, numbers: np.ndarray, mask: Sequence[int] | None, where: str) -> np.ndarray:
        if mask is None:
            return np.ones(len(numbers), dtype=bool)
        flags = _whole_numbers(mask, where, "the attention mask")
        if len(flags) != len(numbers) or not np.isin(flags, (0, 1)).all():
            raise ValueError(f"{where}: its attention mask is not 0 or 1 for each of its tokens")
        places = np.flatnonzero(flags)
        if len(places) and places[-1] - places[0] + 1 != len(places):
            raise ValueError(
                f"{where}: its attention mask has gaps, and tokens after a gap would move"
            )
        return flags.astype(bool)


def _whole_numbers(values: Sequence[int], where: str, name: str) -> np.ndarray:
    try:
        found = np.asarray(values)
    except (ValueError, OverflowError):
        found = np.zeros(0, dtype=object)
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iub":
        raise ValueError(f"{where}: {name} is no list of whole numbers")
    return found.astype(np.int64)


def files_of(path: Path, pattern: str) -> Iterable[tuple[str, Path]]:
    """The file, or those of a folder whose names are `pattern` with a split in it; and the split.

    A file of another name is the split train. Raises ValueError for a folder without such files.
    """
    if not path.is_dir():
        named = [s for s, split in SPLITS.items() if path.name == pattern.format(split=s)]
        return [(SPLITS[named[0]] if named else "train", path)]
    names = {split: path / pattern.format(split=split) for split in SPLITS}
    found = [(SPLITS[split], file) for split, file in names.items() if file.exists()]
    if not found:
        raise ValueError(f"{path} has no {pattern.format(split='{train,dev,test}')}")
    return found


def dialogue_and_turn(identity: str) -> tuple[str, int]:
    """The dialogue and the turn of `multiwoz21-train-12-3`; turn 0 where none is told."""
    dialogue, dash, turn = identity.rpartition("-")
    return (dialogue, int(turn)) if dash and turn.isdecimal() else (identity, 0)
