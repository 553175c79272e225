"""The norm of all weights of a model, the oldest signal of training; adapters count as merged."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn


def weight_norm(model: "nn.Module") -> float:
    """The global l2 norm of all parameters of a torch module: √Σθ², summed in float64.

    Trained or frozen, shared ones once; buffers, such as running means, are none. Where PEFT has
    put LoRA adapters beside a weight W that are active and not merged, W + sBA counts, as merging
    would leave it, and B and A do not; of a module that it trains whole, its copy alone.

    Source: √Σθ², as in Liu, Michaud, Tegmark 2023, ICLR, arXiv:2210.01117 (Omnigrok).
    Cost: O(parameters) time, and the product of the two sides of each adapter; memory of one of
    these at a time.
    Bias: none. Maps before a norm may grow without effect: compare steps of one run, not models.
    Raises ValueError for a module without parameters, and for other adapters than plain LoRA.
    """
    import torch

    beside = {id(weight) for weight in _beside(model)}
    with torch.no_grad():
        acting = {id(weight): changed for weight, changed in _merged(model)}
        found = [w for w in model.parameters() if id(w) not in beside | acting.keys()]
        squares = [float(_norm(weight.detach())) ** 2 for weight in found]
        squares += [norm**2 for norm in acting.values()]
    if not squares:
        raise ValueError("the model has no parameters, and so no norm")
    return sum(squares) ** 0.5


def _norm(weight: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.linalg.vector_norm(weight, dtype=torch.float64)


def _adapted(model: "nn.Module") -> list[Any]:
    """The layers of PEFT that hold a map of the model and adapters beside it."""
    found: list[Any] = [m for m in model.modules() if "base_layer" in m._modules]
    for layer in found:
        if not hasattr(layer, "lora_A") or getattr(layer, "lora_magnitude_vector", None):
            raise ValueError(f"{type(layer).__name__}: the weight norm knows plain LoRA alone")
    return found


def _beside(model: "nn.Module") -> "Iterator[torch.Tensor]":
    """Parameters that merging would leave out: sides of adapters, and what a copy stands for."""
    for layer in _adapted(model):
        for name in layer.adapter_layer_names:
            yield from getattr(layer, name).parameters()
    for wrapper in model.modules():
        if {"modules_to_save", "original_module"} <= wrapper._modules.keys():
            yield from wrapper.get_submodule("original_module").parameters()


def _merged(model: "nn.Module") -> "Iterator[tuple[torch.Tensor, float]]":
    """Each weight beside which an adapter is at work, and the norm that it has with it."""
    for layer in _adapted(model):
        there = [*layer.lora_A.keys(), *layer.lora_embedding_A.keys()]
        names = [name for name in layer.active_adapters if name in there]
        if names and not layer.merged and not layer.disable_adapters:
            own = hasattr(layer, "get_param")  # weights of experts, which are no layer themselves
            weight = layer.get_param() if own else layer.get_base_layer().weight
            yield weight, float(_norm(weight + sum(map(layer.get_delta_weight, names))))
