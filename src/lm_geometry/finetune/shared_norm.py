"""The norm of weights of which every process has a share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.distributed.tensor import DTensor
from torch.overrides import TorchFunctionMode

from lm_geometry.models.weight_norm import weight_norm


def shared_norm(model: nn.Module) -> float:
    """`weight_norm` of a model whose weights FSDP2 spreads over processes; all of them call it."""
    with _Whole():
        return weight_norm(model)


class _Whole(TorchFunctionMode):
    """A number made of shares is that of all processes: `float` would give that of this one."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        is_number = isinstance(found, DTensor) and found.ndim == 0
        return found.full_tensor() if is_number else found
