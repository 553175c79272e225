"""How much each class counts in the loss that is trained."""

import numpy as np
import torch

from lm_geometry.finetune.params import Finetune
from lm_geometry.point_cloud.shapes import Float32


def class_weights(
    settings: Finetune, names: list[str], labels: list[str]
) -> Float32[torch.Tensor, " classes"] | None:
    """The weight of each class, in the order of `names`; None where all count alike.

    The mean weight over the training `labels` is 1, so that the loss stays of the same size. Those
    that are `balanced` are the inverse of a class's frequency.
    """
    asked = settings.class_weights
    if asked == "none":
        return None
    counts = np.array([labels.count(name) for name in names])
    if isinstance(asked, dict):
        own = np.array([asked.get(name, 1.0) for name in names])
    else:
        own = 1 / np.maximum(counts, 1)
    mean = (own * counts).sum() / counts.sum()
    return torch.tensor(own / mean, dtype=torch.float32)
