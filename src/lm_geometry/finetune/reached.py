"""What a few tokens pass through in a model, and which maps do no more than multiply."""

import re

import torch
from torch import nn
from torch.nn.functional import linear
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from lm_geometry.models.body import Output, tokens_alone, watched, without_cache

LIST = re.compile(r"^(.*?)\.\d+(\.|$)")
CLOSE = 1e-4


@torch.no_grad()
def unusable_maps(model: PreTrainedModel) -> dict[str, str]:
    """Why maps, or whole lists of blocks, cannot be adapted, by their path.

    No text passes through them, such as the blocks of a vision tower; or they return something
    else than the product with their weight, which an adapter could not be merged into.
    """
    lists = {match[1] for path, _ in model.named_modules() if (match := LIST.match(path))}
    called: set[str] = set()
    found: dict[str, str] = {}

    def look(name: str, module: nn.Module, given: tuple[torch.Tensor, ...], output: Output) -> None:
        called.update(match[1] for match in [LIST.match(name)] if match)
        if type(module) in (nn.Linear, Conv1D) or not isinstance(module, nn.Linear | Conv1D):
            return
        if not _multiplies(module, given, output):
            found[name] = "they do more than multiply by their weight"

    ids = torch.arange(5, 12, device=next(model.parameters()).device)[None]
    training = model.training
    try:
        model.eval()
        with watched(model, look):
            model(**tokens_alone(model, ids), **without_cache(model))
    finally:
        model.train(training)
    return dict.fromkeys(sorted(lists - called), "texts do not pass through them") | found


def _multiplies(
    module: nn.Linear | Conv1D, given: tuple[torch.Tensor, ...], output: Output
) -> bool:
    if not isinstance(output, torch.Tensor) or not given or not torch.is_tensor(given[0]):
        return False
    weight = module.weight.T if isinstance(module, Conv1D) else module.weight
    if given[0].shape[-1] != weight.shape[-1]:
        return False
    product = linear(given[0], weight, module.bias)
    return product.shape == output.shape and torch.allclose(product, output, CLOSE, CLOSE)
