"""Low-rank adapters (LoRA) at the linear maps of a model's blocks."""

import re
from typing import TYPE_CHECKING, cast

import torch
from transformers import PreTrainedModel

from lm_geometry.finetune.freezing import inside
from lm_geometry.finetune.params import Lora

if TYPE_CHECKING:
    from peft import PeftModel


def with_adapters(
    model: PreTrainedModel, lora: Lora, frozen: list[str], heads: list[str], seed: int
) -> "PeftModel":
    """The model with fresh adapters, which alone are trained, and the modules `heads` whole.

    Frozen modules get no adapter. Raises ValueError where no map is left to adapt.
    """
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    chosen, excluded = _projections(model, lora, frozen)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=chosen,
        exclude_modules=excluded or None,
        layers_to_transform=_blocks(lora),
        use_rslora=lora.rank_stabilised,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
        modules_to_save=[head for head in heads if not inside(head, frozen)] or None,
    )
    model.name_or_path = ""  # else saving asks the hub whether the vocabulary was resized
    return cast("PeftModel", get_peft_model(model, config))


def _projections(
    model: PreTrainedModel, lora: Lora, frozen: list[str]
) -> tuple[list[str], list[str]]:
    """Names of the adapted linear maps of the blocks, and maps so named that are not adapted.

    Heads and poolers are never adapted; only a block has a number in its path.
    """
    linear = {
        path: path.rsplit(".", 1)[-1]
        for path, module in model.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D")
    }
    blocks = {path for path in linear if re.search(r"\.\d+\.", path)}
    names = {linear[path] for path in blocks}
    if not isinstance(lora.modules, str):
        if unknown := set(lora.modules) - names:
            raise ValueError(
                f"finetune.lora.modules: {sorted(unknown)} are no linear maps of the model's "
                f"blocks; there are {sorted(names)}"
            )
        names = set(lora.modules)
    adapted = {path for path in blocks if linear[path] in names and not inside(path, frozen)}
    if not any(_in_layers(path, _blocks(lora)) for path in adapted):
        raise ValueError(f"finetune.freeze: {frozen} leave no linear map to adapt")
    outside = [path for path in linear if path not in adapted and linear[path] in names]
    return sorted(names), sorted(outside)


def _blocks(lora: Lora) -> list[int] | None:
    """Numbers of the adapted blocks, which the stage resolved; None for all."""
    if isinstance(lora.layers, str):
        return None
    return [block for block in lora.layers if isinstance(block, int)]


def _in_layers(path: str, layers: list[int] | None) -> bool:
    number = re.search(r"\.(\d+)\.", path)
    return layers is None or (number is not None and int(number[1]) in layers)
