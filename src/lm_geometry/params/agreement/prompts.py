"""Prompts: their split, what is kept of them, and whether the model has their layers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.params import DataPrep
from lm_geometry.embed.params import Embed
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.models.params import Model
from lm_geometry.params.agreement.layers import number_of_layers


def prompts_are_possible(data: DataPrep, embed: Embed, **_: Any) -> Iterator[str]:
    """The split can be told apart, and ranks are powers of 2."""
    if data.order == "paper" and data.prompts.split != "all":
        yield (
            f"data_prep.prompts.split: {data.prompts.split!r} is not possible with "
            "data_prep.order paper, which puts sequences of one document into several splits: all"
        )
    span = embed.prompts.gride_range
    if span & (span - 1):
        yield f"embed.prompts.gride_range: {span} is not a power of 2 (2, 4 … 256)"
    if data.prompts.count and data.prompts.tokens - embed.prompts.drop_first < 3:
        yield f"data_prep.prompts.tokens: {data.prompts.tokens} are too few for a dimension"


def layers_and_checkpoints_exist(
    model: Model,
    finetune: Finetune,
    embed: Embed,
    *,
    models: dict[str, ModelEntry],
    root: Path,
    **_: Any,
) -> Iterator[str]:
    """The model has the layers, each asked for once, and training keeps the steps."""
    asked, steps = embed.prompts.layers, embed.prompts.checkpoints
    depth = number_of_layers(model, models, root)
    if depth is not None and not isinstance(asked, str):
        for layer in asked:
            if not -depth - 1 <= layer <= depth:
                yield (
                    f"embed.prompts.layers: {model.name} has no layer {layer}; "
                    f"its hidden states are 0 … {depth} (or -1 … {-depth - 1} from the end)"
                )
        if not asked or len({layer % (depth + 1) for layer in asked}) < len(asked):
            yield f"embed.prompts.layers: {asked} names no layer, or one twice"
    trained = finetune.known_checkpoints()
    if trained is not None and not isinstance(steps, str):
        for step in steps:
            if step not in trained:
                yield f"embed.prompts.checkpoints: {step} is not in finetune.checkpoints {trained}"
