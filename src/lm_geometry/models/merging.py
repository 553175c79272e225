"""Adapters that fine-tuning saved, merged into the weights of their base."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

ADAPTER = "default"  # PEFT's name of the only one


def merged(model: "PreTrainedModel", adapters: Path) -> "PreTrainedModel":
    """The model with the adapters of a folder added to its weights.

    Raises ValueError where one of them has no place in the model.
    """
    from peft import LoraConfig, PeftModel

    config = LoraConfig.from_pretrained(str(adapters))
    assert isinstance(config, LoraConfig)
    config.modules_to_save = None  # a head of classes has no place in the language model
    adapted = PeftModel.from_pretrained(model, str(adapters), config=config)
    _fill(adapted, adapters)
    return adapted.merge_and_unload()


@torch.no_grad()
def _fill(adapted: "PeftModel", folder: Path) -> None:
    """Put every saved weight of an adapter into its place, by its own name.

    PEFT renames them on the way in as transformers renames old checkpoints, and leaves out, without
    a word, what a pattern then misses (those of shared experts in Laguna: transformers 5.23).
    """
    from safetensors.torch import load_file

    places = dict(adapted.named_parameters())
    for key, weight in load_file(folder / "adapter_model.safetensors").items():
        if "lora_" not in key:
            continue
        name = re.sub(r"(lora_\w+)\.weight$", rf"\1.{ADAPTER}.weight", key)
        if name not in places or places[name].shape != weight.shape:
            raise ValueError(f"{folder}: the adapter {key} has no place in this model")
        places[name].copy_(weight)
