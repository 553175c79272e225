"""Files in the formats of TripPy-R and SetSUMBT, made here from made-up dialogues."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

LENGTH = 24  # tokens of a model input, padding included
SLOTS = ("hotel-area", "taxi-leave at")


def cached_features(
    file: Path,
    guids: Sequence[str],
    ids: Sequence[Sequence[int]],
    pad: int,
    alone: bool = False,
    **others: Any,
) -> None:
    """Write a cache of features as TripPy-R does (`alone`: as TripPy), by classes of its module.

    The first third of each input are the user's words; features have the attributes `others` too.
    """
    module: Any = ModuleType("utils_dst")
    for name in ("InputFeatures", "DSTExample"):
        setattr(module, name, type(name, (), {"__module__": "utils_dst"}))
    features, examples = [], []
    for guid, own in zip(guids, ids, strict=True):
        feature, example = module.InputFeatures(), module.DSTExample()
        empty = [0] * (LENGTH - len(own))
        user = [1 if place < len(own) // 3 else 0 for place in range(len(own))]
        vars(feature).update(
            guid=guid,
            input_ids=[*own, *([pad] * len(empty))],
            input_mask=[1] * len(own) + empty,
            segment_ids=[0] * LENGTH,
            usr_mask=user + empty,
            start_pos={slot: [0] * LENGTH for slot in SLOTS},
            values=dict.fromkeys(SLOTS, "none"),
            refer_id=dict.fromkeys(SLOTS, len(SLOTS)),
            class_label_id=dict.fromkeys(SLOTS, 0),
            hst_boundaries=[[3, 5]],
            **others,
        )
        vars(example).update(guid=guid, text_a=["a", "word"], text_b=[], values={})
        features.append(feature)
        examples.append(example)
    sys.modules["utils_dst"] = module
    try:
        torch.save(features if alone else (features, examples), file)
    finally:
        del sys.modules["utils_dst"]


def padded(ids: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask `[n, LENGTH]` int32."""
    filled = [[*own, *([pad] * (LENGTH - len(own)))] for own in ids]
    masks = [[1] * len(own) + [0] * (LENGTH - len(own)) for own in ids]
    return torch.tensor(filled, dtype=torch.int32), torch.tensor(masks, dtype=torch.int32)


class Hostile:
    """Unpickled by ordinary means it makes a folder."""

    def __init__(self, written: Path) -> None:
        self.written = written

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.written),)
