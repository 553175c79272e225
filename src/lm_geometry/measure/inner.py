"""The model of transformers in what others put around it."""

from typing import Any

import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from transformers import PreTrainedModel

WRAPPED = ("_orig_mod", "module")  # by torch.compile, and by DistributedDataParallel
SPREAD = ("FullyShardedDataParallel", "DeepSpeedEngine")  # FSDP1, DeepSpeed


def unwrapped(model: object) -> PreTrainedModel:
    """The model of transformers in what was compiled, distributed or adapted (PEFT).

    Adapters stay in it. Raises ValueError where there is none, and for wrappers that spread its
    weights over processes (FSDP1, DeepSpeed).
    """
    while not isinstance(model, PreTrainedModel):
        model = _inside(model)
    return model


def is_copy(model: nn.Module) -> bool:
    """Whether it is a copy (DDP) of the model of another process, which measures it."""
    return isinstance(model, DistributedDataParallel) and dist.get_rank() > 0


def _inside(model: object) -> object:
    """What a wrapper wraps."""
    modules = vars(model).get("_modules", {}) if isinstance(model, nn.Module) else {}
    if type(model).__name__.startswith(SPREAD):
        raise ValueError(f"model: a {type(model).__name__} is spread over processes: not read")
    for name in WRAPPED:
        if name in modules:
            return modules[name]
    if not hasattr(model, "get_base_model"):
        raise ValueError(f"model: {type(model).__name__} is no model of transformers")
    adapted: Any = model  # by PEFT
    if getattr(adapted.active_peft_config, "is_prompt_learning", False):
        raise ValueError("model: learned prompts stand before every text, and are not read")
    return adapted.get_base_model()
