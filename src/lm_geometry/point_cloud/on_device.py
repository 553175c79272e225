"""Arithmetic of clouds on a torch device."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_precision() -> Iterator[None]:
    """A context of float32 products without TF32 or bfloat16 inside."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
