"""Low-rank adaptation (LoRA) of the maps of a model's blocks."""

import inspect
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from lm_geometry.finetune.freezing import inside
from lm_geometry.finetune.params import Lora
from lm_geometry.finetune.reached import unusable_maps

if TYPE_CHECKING:
    from peft import PeftModel

BLOCK = re.compile(r"\.(\d+)\.")
REFUSED = re.compile(r"Module '([\w.]+)' is incompatible")  # of PEFT


def with_adapters(
    model: PreTrainedModel, lora: Lora, frozen: list[str], heads: list[str], seed: int
) -> "PeftModel":
    """The model with fresh adapters, which alone are trained, and the modules `heads` whole.

    `all-linear` is every map of the blocks that can be adapted, experts among them; what is left
    out is printed with the reason. Frozen modules get no adapter. Raises ValueError where no map
    is left to adapt.
    """
    maps, left_out = _maps(model), {}
    if lora.modules == "all-linear":
        left_out = _not_adaptable(model, maps)
    maps = {path: name for path, name in maps.items() if path not in left_out}
    experts = _experts(model, lora, frozen, left_out) if lora.modules == "all-linear" else []
    chosen, excluded = _projections(maps, lora, frozen, bool(experts))
    excluded += sorted(path for path in left_out if path not in excluded)

    def adapted(names: list[str]) -> "PeftModel":
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=names,
            target_parameters=experts or None,
            exclude_modules=excluded or None,
            layers_to_transform=_blocks(lora),
            use_rslora=lora.rank_stabilised,
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
            modules_to_save=[head for head in heads if not inside(head, frozen)] or None,
        )
        model.name_or_path = ""  # else saving asks the hub whether the vocabulary was resized
        return cast("PeftModel", get_peft_model(model, config))

    found = _without_refused(adapted, chosen, left_out)
    for reason in dict.fromkeys(left_out.values()):
        paths = [path for path, why in left_out.items() if why == reason]
        names = sorted({path.rsplit(".", 1)[-1] for path in paths})
        print(f"no adapters at {', '.join(names)} ({len(paths)} maps): {reason}", flush=True)
    return found


def _without_refused(
    adapted: Callable[[list[str]], "PeftModel"], chosen: list[str], left_out: dict[str, str]
) -> "PeftModel":
    """The adapted model, without the names that PEFT refuses to adapt in its architecture."""
    while True:
        try:
            return adapted(chosen)
        except ValueError as error:
            refused = REFUSED.search(str(error))
            if refused is None or refused[1] not in chosen or len(chosen) == 1:
                raise
            chosen = [name for name in chosen if name != refused[1]]
            left_out[refused[1]] = "PEFT refuses them in this architecture"


def _maps(model: PreTrainedModel) -> dict[str, str]:
    """Names of the linear maps by their path; Linear, what is derived from it, and Conv1D."""
    return {
        path: _name(path)
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    }


def _name(path: str) -> str:
    """The end of a path that is the same in every block; a number alone is no name."""
    parts = path.split(".")
    length = next((i for i, part in enumerate(reversed(parts), 1) if not part.isdecimal()), 1)
    return ".".join(parts[-length:])


def _not_adaptable(model: PreTrainedModel, maps: dict[str, str]) -> dict[str, str]:
    """Why an adapter at some of the maps of the blocks would do nothing, or wrong, by path."""
    found: dict[str, str] = {}
    unusable = unusable_maps(model)
    owners = Counter(id(model.get_parameter(f"{path}.weight")) for path in maps)
    for path, name in maps.items():
        if not BLOCK.search(path):
            continue
        owner = model.get_submodule(path.rpartition(".")[0])
        reason = next((why for part, why in unusable.items() if inside(path, [part])), "")
        if reason:
            found[path] = reason
        elif owners[id(model.get_parameter(f"{path}.weight"))] > 1:
            found[path] = "their weight is that of other blocks, too, and each has its own adapter"
        elif _weight_is_read_outside(type(owner), name):
            found[path] = "the block computes with their weight itself, past any adapter"
    return found


def _weight_is_read_outside(owner: type[nn.Module], name: str) -> bool:
    """Whether a module's code uses the weight of a map of its own, as fused kernels do."""
    code = _source(owner)
    used = (
        rf"(?<!isinstance\()self\.{re.escape(name)}\.weight\b(?!\.(dtype|device|shape|size|data))"
    )
    return re.search(used, code) is not None


@cache
def _source(owner: type[nn.Module]) -> str:
    try:
        return inspect.getsource(owner)
    except (OSError, TypeError):
        return ""


def _experts(
    model: PreTrainedModel, lora: Lora, frozen: list[str], left_out: dict[str, str]
) -> list[str]:
    """Paths of the weights of experts that are kept in one array each, `[experts, …, …]`."""
    found = [
        f"{path}.{name}"
        for path, module in model.named_modules()
        if hasattr(module, "is_transposed") and hasattr(module, "has_gate")
        for name, weight in module.named_parameters(recurse=False)
        if weight.ndim == 3 and BLOCK.search(path)
    ]
    found = [path for path in found if not inside(path, frozen) and _in_layers(path, _blocks(lora))]
    if found and lora.dropout:
        why = "PEFT has no dropout for weights of experts; finetune.lora.dropout: 0 adapts them"
        left_out.update(dict.fromkeys(found, why))
        return []
    return found


def _projections(
    maps: dict[str, str], lora: Lora, frozen: list[str], experts: bool
) -> tuple[list[str], list[str]]:
    """Names of the adapted linear maps of the blocks, and maps so named that are not adapted.

    Heads and poolers are never adapted; only a block has a number in its path.
    """
    blocks = {path for path in maps if BLOCK.search(path)}
    names = {maps[path] for path in blocks}
    if not isinstance(lora.modules, str):
        if unknown := set(lora.modules) - names:
            raise ValueError(
                f"finetune.lora.modules: {sorted(unknown)} are no linear maps of the model's "
                f"blocks; there are {sorted(names)}"
            )
        names = set(lora.modules)
    adapted = {path for path in blocks if maps[path] in names and not inside(path, frozen)}
    if not experts and not any(_in_layers(path, _blocks(lora)) for path in adapted):
        if frozen:
            raise ValueError(f"finetune.freeze: {frozen} leave no linear map to adapt")
        raise ValueError(
            "finetune.method: lora finds no linear map in the model's blocks that can be adapted: "
            "full"
        )
    outside = [path for path in maps if path not in adapted and maps[path] in names]
    return sorted(names), sorted(outside)


def _blocks(lora: Lora) -> list[int] | None:
    """Numbers of the adapted blocks, which the stage resolved; None for all."""
    if isinstance(lora.layers, str):
        return None
    return [block for block in lora.layers if isinstance(block, int)]


def _in_layers(path: str, layers: list[int] | None) -> bool:
    number = BLOCK.search(path)
    return layers is None or (number is not None and int(number[1]) in layers)
