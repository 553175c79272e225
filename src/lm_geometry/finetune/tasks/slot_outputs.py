"""What a model says of each slot of a turn: layout of its outputs, their loss, what they mean."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from lm_geometry.finetune.dialogue_params import DialogueState
from lm_geometry.point_cloud.shapes import Float, Int64
from lm_geometry.state_tracking.labels import KINDS

UNUSED = -1  # a label of nothing: no span, no slot referred to; counted among a turn's labels
KIND, START, END, REFERRED = range(4)  # columns of the labels of a slot


@dataclass(frozen=True)
class SlotLabels:
    """Labels of a batch: `text` `[batch, 2]`, the first and last token of the user's own text, and
    `slots` `[batch, slots, 4]`: class, first and last token of the span, slot referred to."""

    text: Int64[Tensor, "batch 2"]
    slots: Int64[Tensor, "batch slots 4"]


@dataclass(frozen=True)
class SlotLogits:
    """Logits of a batch: `kinds` `[batch, slots, classes]`, `starts` and `ends` `[batch, slots,
    tokens]`, `referred` `[batch, slots, slots]`; impossible ones are the least number."""

    kinds: Float[Tensor, "batch slots classes"]
    starts: Float[Tensor, "batch slots tokens"]
    ends: Float[Tensor, "batch slots tokens"]
    referred: Float[Tensor, "batch slots slots"]


def output_names(slots: list[str]) -> list[str]:
    """Names of the outputs, slot by slot: its classes, start, end, the slots it may refer to."""
    refers = [f"refer {other}" for other in slots]
    return [f"{slot}: {name}" for slot in slots for name in (*KINDS, "start", "end", *refers)]


def labels_of(flat: Int64[Tensor, "batch numbers"]) -> SlotLabels:
    """The labels that a batch of the task holds as one row of numbers each."""
    return SlotLabels(flat[:, :2], flat[:, 2:].reshape(len(flat), -1, 4))


def logits_of(
    logits: Float[Tensor, "batch tokens outputs"], text: Int64[Tensor, "batch 2"], slots: int
) -> SlotLogits:
    """The parts of a model's outputs.

    Classes and slots referred to are read at the first token, starts and ends at the tokens of the
    user's text alone. No slot refers to itself.
    """
    by_slot = logits.unflatten(-1, (slots, -1))
    first, classes = by_slot[:, 0].float(), len(KINDS)
    least = torch.finfo(first.dtype).min
    places = torch.arange(logits.shape[1], device=logits.device)
    outside = (places < text[:, :1]) | (places > text[:, 1:])
    starts, ends = by_slot[..., classes : classes + 2].float().permute(3, 0, 2, 1)
    own = torch.eye(slots, dtype=torch.bool, device=logits.device)
    return SlotLogits(
        first[..., :classes],
        starts.masked_fill(outside[:, None], least),
        ends.masked_fill(outside[:, None], least),
        first[..., classes + 2 :].masked_fill(own, least),
    )


def kind_weights(settings: DialogueState) -> Float[Tensor, " classes"]:
    """The weight of each class: those of none and of the others, made to sum to 1."""
    weights = torch.ones(len(KINDS))
    weights[KINDS.index("none")] = settings.none_weight
    return weights / weights.sum()


def losses(
    found: SlotLogits, labels: SlotLabels, weights: Float[Tensor, " classes"]
) -> dict[str, Float[Tensor, " batch"]]:
    """The three parts of the loss of each turn, summed over its slots (nat).

    `loss_class`: weighted cross-entropy of the class; `loss_span`: half of that of the first and
    of the last token, where a value is copied; `loss_refer`: that of the slot referred to.
    """
    kinds, starts, ends, referred = labels.slots.unbind(-1)
    spans = _summed(found.starts, starts) + _summed(found.ends, ends)
    return {
        "loss_class": _summed(found.kinds, kinds, weights.to(found.kinds.device)),
        "loss_span": spans / 2,
        "loss_refer": _summed(found.referred, referred),
    }


def _summed(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    each = cross_entropy(
        logits.flatten(0, 1),
        labels.flatten(),
        weights,
        ignore_index=UNUSED,
        reduction="none",
    )
    return each.unflatten(0, labels.shape).sum(dim=1)


def most_likely(found: SlotLogits) -> Int64[Tensor, "batch slots 4"]:
    """The labels of highest logit: class, first and last token of a span, slot referred to.

    Of all spans that end where they begin or later that with the highest sum is taken.
    """
    after = found.ends.flip(-1).cummax(dim=-1)  # the best end from each token on
    best, from_right = after.values.flip(-1), after.indices.flip(-1)
    start = (found.starts + best).argmax(dim=-1, keepdim=True)
    end = found.ends.shape[-1] - 1 - from_right.gather(-1, start)
    kinds, referred = found.kinds.argmax(dim=-1), found.referred.argmax(dim=-1)
    return torch.stack([kinds, start[..., 0], end[..., 0], referred], dim=-1)
