"""A model of somebody else's, read in the midst of its own use, and given back as it was."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

Inside = dict[object, object]  # buffers, hooks or the like by name


@contextlib.contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, outside of autocast; afterwards all is as before.

    That is every attribute of every module, training flags among them, every buffer and hook, and
    the random generators of torch (of the CPU and of the GPUs), numpy and Python. No gradient is
    kept: what reads states does so in inference mode. Weights are not copied, for nothing here
    writes them.
    """
    before = [(vars(module), _kept(vars(module))) for module in model.modules()]
    ours, threads = random.getstate(), torch.get_num_threads()
    theirs = np.random.get_state()  # noqa: NPY002  the one that training code draws from
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    kinds = (weight.device.type for weight in model.parameters())
    kind = next((one for one in kinds if one != "meta"), "cpu")  # meta: kept elsewhere until used
    try:
        with torch.random.fork_rng(devices), torch.autocast(kind, enabled=False):
            model.eval()
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(theirs)  # noqa: NPY002
        torch.set_num_threads(threads)
        for own, kept in before:
            _restore(own, kept)


def _kept(own: dict[str, object]) -> dict[str, tuple[object, Inside | None]]:
    """Each attribute, and what is in it where that is buffers, hooks or the like by name."""
    return {name: (v, dict(v) if isinstance(v, dict) else None) for name, v in own.items()}


def _restore(own: dict[str, object], kept: dict[str, tuple[object, Inside | None]]) -> None:
    for name in own.keys() - kept.keys():
        del own[name]
    for name, (value, inside) in kept.items():
        own[name] = value
        if inside is None or not isinstance(value, dict):
            continue
        if value.keys() != inside.keys() or not _same(value, inside):
            value.clear()
            value.update(inside)


def _same(one: Inside, other: Inside) -> bool:
    return all(one[name] is value for name, value in other.items())
