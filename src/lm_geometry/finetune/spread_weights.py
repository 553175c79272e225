"""Weights of which every process of a training holds a share (FSDP2)."""

from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from lm_geometry.workspace import machine

ROOM = 0.6  # of a GPU's free memory for weights, gradients and moments; the rest is for activations


def is_spread(model: nn.Module, device: str) -> bool:
    """Whether processes hold shares of the model in training, as `LM_GEOMETRY_SPREAD` says.

    By itself where weights, and gradients and AdamW's two moments of those that are trained, do
    not fit on one GPU.
    """
    wanted = machine.machine().spread
    if wanted != "auto" or device != "cuda":
        return wanted == "always"
    sizes = [(one.numel() * one.element_size(), one.requires_grad) for one in model.parameters()]
    needed = sum(4 * size if trained else size for size, trained in sizes)
    return needed > ROOM * torch.cuda.mem_get_info()[0]


def whole_weights(model: nn.Module) -> dict[str, Any]:
    """All weights of a model that FSDP2 spreads, in memory of the first process; all call it."""
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_model_state_dict(model, options=whole)
