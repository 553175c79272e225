"""A model that is measured: by its name, or one in memory as its owner has it."""

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lm_geometry.data_prep.model_checks import check_tokenizer, checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model as Named
from lm_geometry.embed.forward_pass import arithmetic, check_sizes, pad_id
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.placement import load_placed
from lm_geometry.measure.findings import findings_in_passes
from lm_geometry.measure.inner import unwrapped
from lm_geometry.measure.model_names import as_in_params
from lm_geometry.measure.options import Settings
from lm_geometry.measure.sharded import is_led
from lm_geometry.measure.untouched import untouched
from lm_geometry.models.facts import NotReadError, class_with_head, kind_of
from lm_geometry.models.load import load_tokenizer, longest_of
from lm_geometry.models.small import small_model
from lm_geometry.workspace import machine
from lm_geometry.workspace.points import layers_at

Layers = Sequence[int | str] | str
Model = str | Path | nn.Module  # a name, a path, or one in memory, in wrappers as may be
Tokenizer = PreTrainedTokenizerBase | None
# What is wrong by its name in params.yaml, and by its name here.
NAMED = {"model.name: ": "model: ", "embed.points: ": "where: "}
SPARE = 4  # positions of a config that may not be for tokens, at most


@dataclass(frozen=True)
class Opened:
    """A model ready for forward passes, with its tokenizer and the layers that are read of it."""

    name: str
    tokenizer: PreTrainedTokenizerBase
    states: HiddenStates
    longest: int  # tokens that it reads at most

    @property
    def layers(self) -> list[int]:
        """The layers that are read, by number."""
        return self.states.layers

    def reads_onwards(self) -> bool:
        """Whether nothing that follows a token is seen there, so that contexts stand first."""
        try:
            return kind_of(self.states.model.config, self.name) == "decoder"
        except NotReadError:
            return not self.states.findings.sees_right

    def arithmetic(self) -> str:
        """Dtype of its weights, such as "float32"."""
        return str(self.states.model.dtype).removeprefix("torch.")


@contextlib.contextmanager
def opened(
    model: Model, tokenizer: Tokenizer, layers: Layers, settings: Settings
) -> Iterator[Opened]:
    """The model for the time of the block: `model` is a name or path, or one in memory.

    A model in memory stays on its device, in its precision, and is given back as it was. Raises
    ValueError, before any text is read, for a model that cannot be measured, layers that it does
    not have, and a tokenizer that is another model's.
    """
    try:
        if isinstance(model, str | Path):
            yield _loaded(model, tokenizer, layers, settings)
            return
        inner = unwrapped(model)
        _refuse_spread(inner)
        with untouched(inner):
            yield _in_memory(inner, tokenizer, layers, settings)
    except ValueError as error:
        key = next((key for key in NAMED if str(error).startswith(key)), None)
        if key is None:
            raise
        raise ValueError(str(error).replace(key, NAMED[key])) from None


def _loaded(model: str | Path, tokenizer: Tokenizer, layers: Layers, settings: Settings) -> Opened:
    """The model of a name in params.yaml, or of a path; what can be checked is, before its load."""
    name = as_in_params(model)
    asked = {"name": name, "half": settings.half or None}
    threads = torch.get_num_threads()
    try:
        source = checked(resolve(Named.model_validate(asked), settings.seed))
        if source.kind == "arithmetic":
            raise ValueError(f"model: {name} learns equations and reads no text")
        layers_at(layers, source.layers, settings.embed.points)
        own = tokenizer or load_tokenizer(source)
        device, _ = machine.device()
        dtype, _ = arithmetic(settings.embed.dtype, device)
        placed = load_placed(source, None, device, dtype)
        _check_tokenizer(placed, own, source.name)
        place = source.half, settings.embed.points
        states = HiddenStates(placed, device, dtype, pad_id(own), [], *place, losses=False)
        check_sizes(source, states)
    except SystemExit as error:  # a sentence, of what a stage is given
        raise ValueError(str(error)) from None
    finally:
        torch.set_num_threads(threads)
    return _ready(source.name, own, states, layers, settings)


def _name_of(model: PreTrainedModel) -> str:
    """What it was loaded as: its name on a hub, the name of its folder, or its class's."""
    name = str(getattr(model.config, "name_or_path", "") or type(model).__name__)
    folder = Path(name).expanduser()
    return folder.resolve().name if folder.is_dir() else name


def _in_memory(
    model: PreTrainedModel, tokenizer: Tokenizer, layers: Layers, settings: Settings
) -> Opened:
    name = _name_of(model)
    if tokenizer is None:
        raise ValueError(f"tokenizer: give that of {name}, which is in memory")
    half = settings.half
    if getattr(model.config, "is_encoder_decoder", False) and not half:
        raise ValueError(f"half: {name} has an encoder and a decoder: say whose states are read")
    own = copy.deepcopy(tokenizer)  # which remembers how it was last asked to cut texts
    _check_tokenizer(model, own, name)
    padding = pad_id(own)
    place = model, str(model.device), None, padding, [], half, settings.embed.points
    if not is_led(model):
        return _ready(name, own, HiddenStates(*place, losses=False), layers, settings)
    found, arithmetic = findings_in_passes(model, half, padding)
    states = HiddenStates(*place, found)
    states.compared = arithmetic != model.dtype  # whose rounding that comparison allows for
    return _ready(name, own, states, layers, settings)


def _refuse_spread(model: PreTrainedModel) -> None:
    """Raises ValueError for weights that are spread over processes, which do not all take part."""
    spread = any(type(weight).__name__ == "DTensor" for weight in model.parameters())
    if spread and not is_led(model):
        raise ValueError(
            "model: its weights are spread over processes: LocalDimensionCallback measures it "
            "under FSDP2, where all of them take part, and nothing else reads it"
        )


def _check_tokenizer(model: PreTrainedModel, tokenizer: object, name: str) -> None:
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise ValueError(f"tokenizer: {type(tokenizer).__name__} is no tokenizer of transformers")
    embeddings: Any = model.get_input_embeddings()
    check_tokenizer(tokenizer, len(embeddings.weight), name)


def _ready(
    name: str,
    tokenizer: PreTrainedTokenizerBase,
    states: HiddenStates,
    layers: Layers,
    settings: Settings,
) -> Opened:
    states.layers = layers_at(layers, states.findings.layers, states.place.points)
    longest = _longest(states.model, tokenizer, settings.embed.max_length)
    return Opened(name, tokenizer, states, longest)


def _longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, asked: int) -> int:
    """Tokens that the model reads at most; of positions that are none a small model tells."""
    longest = longest_of(model.config, tokenizer, None)
    if asked <= longest - SPARE:
        return longest
    try:
        kind = class_with_head(kind_of(model.config, "model"), model.config)
        small = small_model(model.config, kind, layers=1)
    except ValueError:
        return longest - SPARE
    return longest_of(model.config, tokenizer, small)
