"""What a model does with two short sequences, in place of what its names would suggest.

Each is passed alone, with other tokens at its end, and filled up beside a longer one.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from lm_geometry.models.body import (
    Body,
    NoStatesError,
    Output,
    body_pass,
    watched,
)
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.losses_from import Losses, losses_from
from lm_geometry.point_cloud.shapes import Float, Integer

LENGTHS = 7, 12
# Relative to a vector's norm, or to 1 nat: more than rounding errors of a pass in that precision.
ROUNDING = {torch.float32: 1e-5, torch.float64: 1e-5, torch.bfloat16: 3e-2, torch.float16: 3e-3}
LARGE = 1e3, 2e3  # scales of an input that a norm, whose epsilon counts no more, tells not apart
UNASKED = (TypeError, AttributeError, KeyError, IndexError)  # of a class that lacks an input
HEAD = 10  # times as much for a loss, which comes after the head's own sums
NOT_WANTED = "not wanted"  # why no losses, where nobody asks for them


@dataclass(frozen=True)
class Findings:
    """What was found; `losses` tells from what they can be computed, `no_losses` why not."""

    layers: int
    width: int
    sees_right: bool
    padding_leaks: bool
    embeddings_first: bool
    last_after_norm: bool
    losses: Losses
    no_losses: str = ""

    def record(self) -> dict[str, Any]:
        """The findings as a JSON object."""
        return asdict(self)

    def told(self) -> str:
        """One line that says all."""
        right = "sees tokens to the right" if self.sees_right else "sees no token to the right"
        padding = (
            "padding changes states, so that no sequence is filled up"
            if self.padding_leaks
            else "padding changes nothing"
        )
        first = "layer 0 is" if self.embeddings_first else "layer 0 is more than"
        last = "after a final norm" if self.last_after_norm else "the last block's own output"
        why = f" ({self.no_losses})" if self.no_losses else ""
        losses = "" if self.no_losses == NOT_WANTED else f"; losses: {self.losses}{why}"
        return (
            f"{self.layers} blocks of width {self.width}; {right}; {padding}; {first} the "
            f"embedding output; the last layer is {last}{losses}"
        )


@torch.inference_mode()
def probe(
    model: PreTrainedModel, half: str = "", padding_id: int = 0, losses: bool = True
) -> Findings:
    """Findings of a model in evaluation mode on its device; `half` is that of an encoder-decoder.

    Without `losses` it is not asked from what these can be computed, which takes the most time.

    Raises ValueError where nothing right can be done: a model without a state for each token at
    each layer, with states that are no numbers, or with other states each time.
    """
    short, long = short_and_long(model)
    tolerance = ROUNDING[model.dtype]
    try:
        alone = body_pass(model, short, half=half)
    except NoStatesError:
        raise
    except (*UNASKED, ValueError) as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{type(model).__name__} cannot be given tokens alone ({told})") from None
    if any(not bool(torch.isfinite(states).all()) for states in alone.states):
        raise ValueError(
            f"{type(model).__name__} has states that are no numbers (NaN or infinite): its weights "
            f"are damaged, or too large for {model.dtype}"
        )
    if _change(alone, body_pass(model, short, half=half)) > tolerance:
        raise ValueError(f"{type(model).__name__} has other states each time that it is asked")
    changed = short.clone()
    changed[:, -1] = long[:, -1]
    other = body_pass(model, changed, half=half)
    before = slice(0, -1)
    whence, reason = "none", NOT_WANTED
    if losses:
        whence, reason = losses_from(model, (short, long), half, HEAD * tolerance)
    return Findings(
        layers=len(alone.states) - 1,
        width=alone.states[0].shape[-1],
        sees_right=_change(alone, other, before) > tolerance,
        padding_leaks=_padding_leaks(model, short, long, half, padding_id, alone, tolerance),
        embeddings_first=difference(alone.states[0], other.states[0], before) <= tolerance
        and _own_tokens_alone(model, short, half, alone, tolerance),
        last_after_norm=_after_norm(model, short, half),
        losses=whence,
        no_losses=reason,
    )


def probe_of(name: str, model: PreTrainedModel, half: str = "") -> Findings:
    """`probe` of the model that params.yaml names; raises NotReadError where it cannot be read."""
    try:
        return probe(model, half)
    except ValueError as error:
        raise NotReadError(f"model.name: {name} cannot be read: {error}") from None


def short_and_long(
    model: PreTrainedModel,
) -> tuple[Integer[torch.Tensor, "1 short"], Integer[torch.Tensor, "1 long"]]:
    """Two sequences of ordinary tokens, all different, on the model's first device."""
    embeddings: Any = model.get_input_embeddings()
    if not hasattr(embeddings, "weight"):
        raise ValueError(f"{type(model).__name__} has no table of token embeddings")
    known = int(getattr(embeddings, "num_embeddings", len(embeddings.weight)))
    config: Any = model.config.get_text_config()
    named = (getattr(config, key, None) for key in dir(type(config)) if key.endswith("_token_id"))
    special = {one for found in named for one in (found if isinstance(found, list) else [found])}
    special |= {model.config.pad_token_id} if hasattr(model.config, "pad_token_id") else set()
    ordinary = [token for token in range(min(known, 1000)) if token not in special]
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(ordinary), generator=generator)[: sum(LENGTHS)]
    ids = torch.tensor(ordinary)[order].repeat(sum(LENGTHS))[: sum(LENGTHS)]
    device = embeddings.weight.device
    short, long = ids.to(device if device.type != "meta" else "cpu").split(LENGTHS)
    return short[None], long[None]


def _change(one: Body, other: Body, where: slice = slice(None)) -> float:
    pairs = zip(one.states, other.states, strict=True)
    return max(difference(a, b, where) for a, b in pairs)


def difference(
    one: Float[torch.Tensor, "..."], other: Float[torch.Tensor, "..."], where: slice = slice(None)
) -> float:
    """Largest relative difference of vectors `[1, positions, width]`; NaN counts as infinite."""
    one, other = one[:, where].double(), other[:, where].to(one.device).double()
    norms = one.norm(dim=-1).clamp_min(torch.finfo(torch.float32).tiny)
    found = float(((one - other).norm(dim=-1) / norms).max())
    return found if found == found else float("inf")


def _padding_leaks(
    model: PreTrainedModel,
    short: torch.Tensor,
    long: torch.Tensor,
    half: str,
    padding_id: int,
    alone: Body,
    tolerance: float,
) -> bool:
    """Whether the short sequence has other states beside the long one than by itself."""
    ids = torch.cat([torch.full_like(long, padding_id), long])
    ids[0, : short.shape[1]] = short
    mask = torch.ones_like(ids)
    mask[0, short.shape[1] :] = 0
    own = slice(0, short.shape[1])
    for filler in (padding_id, int(long[0, 0])):
        ids[0, short.shape[1] :] = filler
        try:
            padded = body_pass(model, ids, mask, half)
        except (*UNASKED, ValueError, RuntimeError):  # a model that knows of no mask, or no batch
            return True
        states = Body(tuple(entry[:1, own] for entry in padded.states), padded.last)
        if _change(alone, states) > tolerance:
            return True
    return False


def _own_tokens_alone(
    model: PreTrainedModel, ids: torch.Tensor, half: str, alone: Body, tolerance: float
) -> bool:
    """Whether layer 0 of later tokens is the same after another first one."""
    changed = ids.clone()
    changed[:, 0] = ids[:, -1]
    other = body_pass(model, changed, half=half)
    return difference(alone.states[0], other.states[0], slice(1, None)) <= tolerance


def _after_norm(model: PreTrainedModel, ids: torch.Tensor, half: str) -> bool:
    """Whether the last state is made by a norm that is no part of the last block.

    Whose output it is, hooks tell. A block is one of several in a list; a module is a norm whose
    output stays as it is when its input is scaled.
    """
    made: list[tuple[str, nn.Module, torch.Tensor, torch.Tensor]] = []

    def keep(name: str, module: nn.Module, given: tuple[torch.Tensor, ...], output: Output) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if torch.is_tensor(first) and given and torch.is_tensor(given[0]):
            made.append((name, module, given[0], first))

    with watched(model, keep):
        last = body_pass(model, ids, half=half).states[-1]
    makers = [entry for entry in made if _is(entry[3], last)]
    if not makers or any(name.rsplit(".", 1)[-1].isdecimal() for name, *_ in makers):
        return False
    _, module, given, _ = makers[0]  # the innermost is done first
    try:
        large, larger = (module(scale * given) for scale in LARGE)
    except (RuntimeError, TypeError, ValueError):  # it takes more than the states
        return False
    return torch.is_tensor(large) and difference(large, larger) <= 1e-2


def _is(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other.to(one.device))
