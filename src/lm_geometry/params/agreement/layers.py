"""Layers, blocks and the task: whether the model has them."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.embed.params import Embed
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.models.local_files import SourceError, local_path
from lm_geometry.models.params import Model


def layers_exist(
    model: Model,
    embed: Embed,
    aggregate: Aggregate,
    *,
    models: dict[str, ModelEntry],
    root: Path,
    **_: Any,
) -> Iterator[str]:
    """The model has the layers, each asked for once, and the shown one is among them."""
    depth = number_of_layers(model, models, root)
    if depth is not None:
        yield from layers_within(depth, model, embed, aggregate)


def layers_within(depth: int, model: Model, embed: Embed, aggregate: Aggregate) -> Iterator[str]:
    """What is wrong with the embedded and the shown layers of a model of `depth` blocks."""
    asked = [] if embed.layers == "all" else embed.layers
    for layer in asked:
        if not -depth - 1 <= layer <= depth:
            yield (
                f"embed.layers: {model.name} has no layer {layer}; "
                f"its hidden states are 0 … {depth} (or -1 … {-depth - 1} from the end)"
            )
    kept = {layer % (depth + 1) for layer in asked}
    if len(kept) < len(asked):
        yield f"embed.layers: {asked} names a layer twice"
    shown = aggregate.layer
    if shown == "last" or embed.combine_layers != "none":
        return
    if not -depth - 1 <= shown <= depth or (kept and shown % (depth + 1) not in kept):
        there = sorted(kept) or f"0 … {depth}"
        yield f"aggregate.layer: {shown} is not in embed.layers {there}"


def blocks_exist(
    model: Model, finetune: Finetune, *, models: dict[str, ModelEntry], root: Path, **_: Any
) -> Iterator[str]:
    """The model has the blocks whose maps are adapted."""
    depth = number_of_layers(model, models, root)
    adapted = finetune.lora.layers
    if depth is None or adapted == "all" or finetune.task == "none" or finetune.method != "lora":
        return
    beyond = [block for block in adapted if not 0 <= block < depth]
    if beyond:
        yield (
            f"finetune.lora.layers: {model.name} has no block {beyond[0]}; "
            f"its blocks are 0 … {depth - 1} (or all)"
        )


def task_fits_model(
    model: Model, finetune: Finetune, *, models: dict[str, ModelEntry], **_: Any
) -> Iterator[str]:
    """Encoders learn masked tokens, decoders the next one; both can classify."""
    entry = models.get(model.name)
    wanted = {"encoder": "masked_lm", "decoder": "causal_lm"}
    other = {"encoder": "causal_lm", "decoder": "masked_lm"}
    if entry and finetune.task == other.get(entry.kind):
        yield (
            f"finetune.task: {finetune.task!r} does not fit {model.name}, which is an "
            f"{entry.kind}: {wanted[entry.kind]}, a classification task or none"
        ).replace("an d", "a d")


def mode_fits_model(
    model: Model, embed: Embed, *, models: dict[str, ModelEntry], **_: Any
) -> Iterator[str]:
    """Only models of masked language can be asked for a masked token."""
    entry = models.get(model.name)
    if entry and embed.mode == "masked_token" and entry.kind == "decoder":
        yield (
            f"embed.mode: masked_token needs a masked language model, and {model.name} is a "
            f"{entry.kind}: regular"
        )


def tagger_is_installed(embed: Embed, **_: Any) -> Iterator[str]:
    """Parts of speech need nltk."""
    if embed.tag_parts_of_speech and find_spec("nltk") is None:
        yield (
            "embed.tag_parts_of_speech: nltk is not installed: pip install -r requirements/tags.txt"
        )


def number_of_layers(model: Model, models: dict[str, ModelEntry], root: Path) -> int | None:
    """The depth where it can be known without loading anything, else None."""
    if model.name in models:
        return models[model.name].layers
    if not model.name.startswith("file:"):
        return None
    try:
        config = local_path(model.name.removeprefix("file:"), root) / "config.json"
    except SourceError:  # which `model_is_known` tells
        return None
    if not config.is_file():
        return None
    read = json.loads(config.read_text(encoding="utf-8"))
    return read.get("num_hidden_layers") or read.get("n_layer")
