"""A pass through a model without its head, and the head from states that such a pass made."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from lm_geometry.point_cloud.shapes import Float, Float32, Integer, Shaped

Inputs = dict[str, torch.Tensor]
Output = torch.Tensor | tuple[torch.Tensor, ...]  # of a module; some return other things
Look = Callable[[str, nn.Module, tuple[torch.Tensor, ...], Output], None]  # name, module, in, out


class NoStatesError(ValueError):
    """A model has not a state for each token at each layer."""


@dataclass(frozen=True)
class Body:
    """States `[batch, positions, width]`: entry `i` is layer `i`; `last` is what the head reads.

    Of a half, whose head is not used, the last entry.
    """

    states: tuple[torch.Tensor, ...]
    last: torch.Tensor


def body_pass(
    model: PreTrainedModel,
    ids: Integer[torch.Tensor, "batch positions"],
    mask: Shaped[torch.Tensor, "batch positions"] | None = None,
    half: str = "",
) -> Body:
    """The hidden states of a batch of `ids` `[batch, positions]`.

    `mask`, of the same shape, is 0 where a sequence is filled up; None if nowhere.

    Of an encoder-decoder those of its `half`. The encoder reads the sequence; so does the decoder,
    which sees the tokens up to each and the encoder's states of all of them (as BART's own
    classifiers do). Raises NoStatesError for states that are not `[batch, positions, width]` each.
    """
    output = _output(model, ids, mask, half)
    states = output.get("decoder_hidden_states" if half == "decoder" else "hidden_states")
    if not states or any(not torch.is_tensor(entry) for entry in states):
        raise NoStatesError(f"{type(model).__name__} returns no hidden states")
    shapes = {tuple(entry.shape) for entry in states}
    if len(shapes) > 1 or next(iter(shapes))[:2] != tuple(ids.shape):
        told = ", ".join(str(shape) for shape in sorted(shapes))
        raise NoStatesError(
            f"{type(model).__name__} has not a state for each token at each layer: hidden states "
            f"of {tuple(ids.shape)} tokens have the shapes {told}"
        )
    last = None if half else output.get("last_hidden_state")  # FSMT's decoder has logits there
    return Body(tuple(states), states[-1] if last is None else last)


def _output(
    model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor | None, half: str
) -> dict[str, Any]:
    read: Any = model.get_encoder() if half == "encoder" else model.base_model
    given: dict[str, Any] = {"attention_mask": mask, "output_hidden_states": True}
    if half == "decoder":
        given |= {"decoder_input_ids": ids, "decoder_attention_mask": mask}
    if half != "encoder":
        given |= without_cache(model)
    return read(input_ids=ids, **given)


def tokens_alone(model: PreTrainedModel, ids: Integer[torch.Tensor, "batch positions"]) -> Inputs:
    """Arguments of a call with tokens and nothing else; a decoder, too, is given them."""
    both = getattr(model.config, "is_encoder_decoder", False)
    return {"input_ids": ids} | ({"decoder_input_ids": ids} if both else {})


def without_cache(model: nn.Module) -> dict[str, bool]:
    """What keeps a model, adapted or not, from a cache, which is for writing token after token.

    One pass has no use for it, and some classes compute wrongly, or not at all, when a cache is
    there in training or has no layer of a kind.
    """
    inner: Any = getattr(model, "get_base_model", lambda: model)()
    taken = inspect.signature(inner.forward).parameters.values()
    known = any(one.name == "use_cache" or one.kind is one.VAR_KEYWORD for one in taken)
    return {"use_cache": False} if known and hasattr(inner.config, "use_cache") else {}


@contextlib.contextmanager
def watched(model: PreTrainedModel, look: Look) -> Iterator[None]:
    """Shows to `look` what every module is given and returns, the innermost first."""
    hooks = [
        module.register_forward_hook(lambda *seen, name=name: look(name, *seen))
        for name, module in model.named_modules()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@dataclass
class GivenStates(ModelOutput):
    """What a model without its head returns, as far as heads of any architecture ask for it."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: None = None
    hidden_states: None = None
    attentions: None = None
    cross_attentions: None = None
    router_logits: None = None
    cache_params: None = None
    rnn_state: None = None
    state: None = None


def head_logits(
    model: PreTrainedModel,
    states: Float[torch.Tensor, "tokens width"],
    ids: Integer[torch.Tensor, "tokens"],
) -> Float32[torch.Tensor, "tokens vocabulary"]:
    """Logits `[tokens, vocabulary]`, float32, of last states `[tokens, width]` of tokens `ids`.

    The model's own forward method makes them.

    Heads have another name and shape in every architecture; the forward method that joins the
    blocks and the head is the one thing that all have. The blocks are replaced for the time of the
    call. Some heads read more than that (`models.probe` finds out); for them this is not usable.
    """
    with _without_blocks(model, states):
        return model(input_ids=ids[None], **without_cache(model)).logits[0].float()


@contextlib.contextmanager
def _without_blocks(model: PreTrainedModel, states: torch.Tensor) -> Iterator[None]:
    """Lets `model` start from the last states of one sequence."""
    blocks = model.base_model
    own = vars(blocks).get("forward")
    blocks.forward = lambda *_, **__: GivenStates(last_hidden_state=states[None])
    try:
        yield
    finally:
        del blocks.forward
        if own is not None:
            blocks.forward = own
