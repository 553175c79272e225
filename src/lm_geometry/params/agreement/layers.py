"""Layers, blocks and the task: whether the model has them."""

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.data_prep.params import Model
from lm_geometry.embed.params import Embed
from lm_geometry.models.local_files import SourceError, local_path
from lm_geometry.outs.data_prep.model import LANGUAGE_TASKS
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace.points import Points, ends, layers_at, named, told


def layers_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model has the layers, each asked for once, and the shown one is among them."""
    model, embed, aggregate = params.model, params.embed, params.aggregate
    depth = number_of_layers(model, catalogue)
    if depth is not None:
        yield from layers_within(depth, model, embed, aggregate)


def layers_within(depth: int, model: Model, embed: Embed, aggregate: Aggregate) -> Iterator[str]:
    """What is wrong with the embedded and the shown layers of a model of `depth` blocks."""
    points = embed.points
    wrong = list(numbers_within(depth, "embed.layers", model, embed.layers, points))
    yield from wrong
    if embed.layers == []:
        yield "embed.layers: [] names no layer"
    shown = aggregate.layer
    if wrong or isinstance(shown, str) or embed.combine_layers != "none":
        return
    kept, first, last = {*layers_at(embed.layers, depth, points)}, *ends(points, depth)
    if not -last - 1 <= shown <= last or shown % (last + 1) not in kept:
        there = f"{first} … {last}" if embed.layers == "all" else sorted(kept)
        yield f"aggregate.layer: {shown} is not in embed.layers {there}"


def numbers_within(
    depth: int, key: str, model: Model, asked: Sequence[int | str] | str, points: Points
) -> Iterator[str]:
    """What is wrong with the numbers among the layers of `points` that `key` asks for."""
    numbers = [layer for layer in asked if isinstance(layer, int)]
    first, last = ends(points, depth)
    for layer in numbers:
        if not first - last - 1 <= layer <= last or 0 <= layer < first:
            what = told(named(points)) or "its hidden states"
            yield (
                f"{key}: {model.name} has no layer {layer}; "
                f"{what} are {first} … {last} (or -1 … {first - last - 1} from the end)"
            )
    if len({layer % (last + 1) for layer in numbers}) < len(numbers):
        yield f"{key}: {asked} names a layer twice"


def blocks_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model has the blocks whose maps are adapted."""
    model, finetune = params.model, params.finetune
    depth = number_of_layers(model, catalogue)
    adapted = finetune.lora.layers
    if depth is None or adapted == "all" or finetune.task == "none" or finetune.method != "lora":
        return
    beyond = [block for block in adapted if isinstance(block, int) and not 0 <= block < depth]
    if beyond:
        yield (
            f"finetune.lora.layers: {model.name} has no block {beyond[0]}; "
            f"its blocks are 0 … {depth - 1} (or all)"
        )


def task_fits_model(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Encoders learn masked tokens, decoders the next one; both can classify."""
    model, task = params.model, params.finetune.task
    entry = catalogue.models.get(model.name)
    if entry is None or entry.kind not in LANGUAGE_TASKS:
        return
    if entry.kind == "encoder-decoder" and task.endswith("_classification"):
        yield (
            f"finetune.task: {task!r} has no place in {model.name}, an encoder-decoder: "
            "sequence_to_sequence with target: label writes the class"
        )
    if task == "dialogue_state" and entry.kind != "encoder":
        kind = "a decoder" if entry.kind == "decoder" else "an encoder-decoder"
        yield (
            f"finetune.task: dialogue_state reads the whole turn at its first token, and "
            f"{model.name} is {kind}: an encoder, such as minilm"
        )
    if task not in LANGUAGE_TASKS.values():
        return
    if task != LANGUAGE_TASKS[entry.kind]:
        kind = f"{'a' if entry.kind == 'decoder' else 'an'} {entry.kind}"
        yield (
            f"finetune.task: {task!r} does not fit {model.name}, which is {kind}: "
            f"{LANGUAGE_TASKS[entry.kind]} (or language_modelling), a classification task or none"
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
    try:
        read = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # which data-prep tells
        return None
    found = (
        [read.get(key) for key in ("num_hidden_layers", "n_layer")]
        if isinstance(read, dict)
        else []
    )
    return next((depth for depth in found if isinstance(depth, int) and depth > 0), None)
