"""Blocks of a model that no text passes through, such as those of its vision tower."""

import re

import torch
from torch import nn
from transformers import PreTrainedModel

LIST = re.compile(r"^(.*?)\.\d+(\.|$)")


@torch.no_grad()
def unreached_blocks(model: PreTrainedModel) -> list[str]:
    """Paths of lists of blocks none of which takes part in a pass of a few tokens."""
    ids = torch.arange(5, 12, device=next(model.parameters()).device)[None]
    lists = {match[1] for path, _ in model.named_modules() if (match := LIST.match(path))}
    called: set[str] = set()

    def mark(name: str) -> None:
        called.update(match[1] for match in [LIST.match(name)] if match)

    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: mark(name))
        for name, module in model.named_modules()
        if not isinstance(module, nn.ModuleList)
    ]
    both = getattr(model.config, "is_encoder_decoder", False)
    training = model.training
    try:
        model.eval()
        model(input_ids=ids, **({"decoder_input_ids": ids} if both else {}))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return sorted(lists - called)
