"""`{train,dev,test}_processed_cached_features.pt`: what Topo_LLM made of the caches of TripPy."""

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

FILES = "{split}_processed_cached_features.pt"
KEYS = ("dialogue_ids", "input_ids", "attention_mask")


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per user turn; columns document (dialogue), turn, split and input_ids."""
    given = GivenTokens(entry)
    for split, file in files_of(path, FILES):
        found = torch_files.load(file)
        identities, ids, masks = arrays(found, file, dimensions=2)
        for number, identity in enumerate(identities):
            document, turn = dialogue_and_turn(str(identity))
            where = f"{file}, row {number}"
            made = given.row(where, ids[number].tolist(), masks[number].tolist())
            if made is not None:
                yield {**made, "document": document, "turn": turn, "split": split}
        given.tell(file)


def arrays(found: Any, file: Path, dimensions: int) -> tuple[list[Any], Any, Any]:
    """Identities `[n]`, and ids and mask `[n, …, tokens]`, of a processed file.

    Raises ValueError where these are not there or do not belong together.
    """
    import torch

    if not isinstance(found, dict) or not set(KEYS) <= set(found):
        raise ValueError(f"{file} is no dictionary with {', '.join(KEYS)}")
    identities, ids, masks = (found[key] for key in KEYS)
    for name, tensor in (("input_ids", ids), ("attention_mask", masks)):
        if not isinstance(tensor, torch.Tensor) or tensor.dim() != dimensions:
            raise ValueError(f"{file}: {name} is no tensor of {dimensions} dimensions")
    if ids.shape != masks.shape or len(identities) != len(ids):
        raise ValueError(
            f"{file}: {len(identities)} dialogue_ids, input_ids {list(ids.shape)} and "
            f"attention_mask {list(masks.shape)} do not belong together"
        )
    return list(identities), ids, masks
