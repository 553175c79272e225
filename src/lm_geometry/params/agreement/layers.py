"""Layers, blocks and the task: whether the model has them."""

import json
from collections.abc import Iterator
from importlib.util import find_spec

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.data_prep.params import Model
from lm_geometry.embed.params import Embed
from lm_geometry.models.local_files import SourceError, local_path
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params

# Of language, by kind of model.
TASKS = {
    "encoder": "masked_lm",
    "decoder": "causal_lm",
    "encoder-decoder": "sequence_to_sequence",
}


def layers_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model has the layers, each asked for once, and the shown one is among them."""
    model, embed, aggregate = params.model, params.embed, params.aggregate
    depth = number_of_layers(model, catalogue)
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


def blocks_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model has the blocks whose maps are adapted."""
    model, finetune = params.model, params.finetune
    depth = number_of_layers(model, catalogue)
    adapted = finetune.lora.layers
    if depth is None or adapted == "all" or finetune.task == "none" or finetune.method != "lora":
        return
    beyond = [block for block in adapted if not 0 <= block < depth]
    if beyond:
        yield (
            f"finetune.lora.layers: {model.name} has no block {beyond[0]}; "
            f"its blocks are 0 … {depth - 1} (or all)"
        )


def task_fits_model(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Encoders learn masked tokens, decoders the next one; both can classify."""
    model, task = params.model, params.finetune.task
    entry = catalogue.models.get(model.name)
    if entry is None or entry.kind not in TASKS:
        return
    if entry.kind == "encoder-decoder" and task.endswith("_classification"):
        yield (
            f"finetune.task: {task!r} has no place in {model.name}, an encoder-decoder: "
            "sequence_to_sequence with target: label writes the class"
        )
    if task not in TASKS.values():
        return
    if task != TASKS[entry.kind]:
        kind = f"{'a' if entry.kind == 'decoder' else 'an'} {entry.kind}"
        yield (
            f"finetune.task: {task!r} does not fit {model.name}, which is {kind}: "
            f"{TASKS[entry.kind]}, a classification task or none"
        )


def mode_fits_model(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Only models of masked language can be asked for a masked token."""
    model, mode = params.model, params.embed.mode
    entry = catalogue.models.get(model.name)
    if entry and mode == "masked_token" and entry.kind == "decoder":
        yield (
            f"embed.mode: masked_token needs a masked language model, and {model.name} is a "
            f"{entry.kind}: regular"
        )


def tagger_is_installed(params: Params, _: Catalogue) -> Iterator[str]:
    """Parts of speech need nltk."""
    if params.embed.tag_parts_of_speech and find_spec("nltk") is None:
        yield (
            "embed.tag_parts_of_speech: nltk is not installed: pip install -r requirements/tags.txt"
        )


def number_of_layers(model: Model, catalogue: Catalogue) -> int | None:
    """The depth where it can be known without loading anything, else None."""
    if model.name in catalogue.models:
        return catalogue.models[model.name].layers
    if not model.name.startswith("file:"):
        return None
    try:
        config = local_path(model.name.removeprefix("file:"), catalogue.root) / "config.json"
    except SourceError:  # which `model_is_known` tells
        return None
    if not config.is_file():
        return None
    read = json.loads(config.read_text(encoding="utf-8"))
    return read.get("num_hidden_layers") or read.get("n_layer")
