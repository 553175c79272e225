"""The blocks of a model and what their modules return, found in a pass and not by their names."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from lm_geometry.models.body import body_pass
from lm_geometry.point_cloud.shapes import Float, Integer, Shaped

State = Float[torch.Tensor, "1 positions width"]


@dataclass(eq=False)  # each is itself
class Calls:
    """The calls of one module in a pass.

    `given` and `returned` are copies of the states `[1, positions, width]` that it was given and
    of the one that it returned first, of the last call; `shape` tells of any other output.
    """

    name: str
    times: int = 0
    given: list[State] = field(default_factory=list)
    returned: State | None = None
    shape: str = ""


@dataclass(frozen=True)
class Blocks:
    """The blocks of a model, in order: their names, and the calls of all modules of a pass.

    `calls` are in the order in which the modules returned first.
    """

    names: list[str]
    calls: Mapping[str, Calls]

    def inside(self, number: int) -> list[Calls]:
        """The modules of one block that were called once, by the order of their return."""
        prefix = f"{self.names[number]}."
        return [c for name, c in self.calls.items() if name.startswith(prefix) and c.times == 1]


def first_tensor(output: object) -> Shaped[torch.Tensor, "..."] | None:
    """What a module returns: a tensor, or the first one of a tuple or of an output by name."""
    if isinstance(output, torch.Tensor):
        return output
    if not isinstance(output, list | tuple | Mapping):
        return None
    values = output.values() if isinstance(output, Mapping) else output
    return next((one for one in values if torch.is_tensor(one)), None)


def find_blocks(
    model: PreTrainedModel, ids: Integer[torch.Tensor, "1 positions"], half: str = ""
) -> Blocks:
    """The blocks of a model: the list of modules of which number i is given hidden state i.

    Raises ValueError where there is no such list: blocks that share one module, or that are given
    something else than hidden states.
    """
    calls: dict[str, Calls] = {}
    with contextlib.ExitStack() as hooks:
        body = _watched_pass(model, ids, half, calls, hooks)
    states, depth = body, len(body) - 1
    lists = {name.rpartition(".")[0] for name in calls if name.rpartition(".")[2].isdecimal()}
    for parent in sorted(lists, key=len):
        names = [f"{parent}.{number}" for number in range(depth)]
        own = [calls.get(name) for name in names]
        pairs = zip(own, states[:-1], strict=True)
        if all(c and c.times == 1 and c.given and same(c.given[0], s) for c, s in pairs):
            return Blocks(names, calls)
    raise ValueError(
        f"{type(model).__name__} has no list of {depth} modules each of which is given a hidden "
        "state: its blocks are not found"
    )


def _watched_pass(
    model: PreTrainedModel,
    ids: torch.Tensor,
    half: str,
    calls: dict[str, Calls],
    hooks: contextlib.ExitStack,
) -> tuple[State, ...]:
    """The hidden states of a pass, and the calls of every module."""
    given: dict[str, list[torch.Tensor]] = {}
    shape = tuple(ids.shape)

    def before(name: str, args: tuple[object, ...], named: dict[str, object]) -> None:
        tensors = [one for one in (*args, *named.values()) if torch.is_tensor(one)]
        # Copies: what a module is given or returns may be added to in place.
        given[name] = [_as_state(t, shape).clone() for t in tensors if _is_state(t, shape, True)]

    def after(name: str, output: object) -> None:
        own = calls.setdefault(name, Calls(name))
        found = first_tensor(output)
        own.times += 1
        own.given = given.pop(name, [])
        own.shape = str(tuple(found.shape)) if found is not None else type(output).__name__
        own.returned = found.clone() if found is not None and _is_state(found, shape) else None

    for name, module in model.named_modules():
        hooks.enter_context(pre_hooked(module, lambda _m, a, k, name=name: before(name, a, k)))
        hooks.enter_context(hooked(module, lambda _m, _a, o, name=name: after(name, o)))
    body = body_pass(model, ids, half=half)
    width = body.states[0].shape[-1]
    for own in calls.values():
        own.given = [one for one in own.given if one.shape[-1] == width]
        if own.returned is not None and own.returned.shape[-1] != width:
            own.returned = None
    return body.states


def _is_state(tensor: torch.Tensor, shape: tuple[int, ...], flat: bool = False) -> bool:
    """Whether a tensor has a vector for each token, in one row of sequences if `flat`."""
    axes = tuple(tensor.shape[:-1])
    fits = axes == shape or (flat and axes == (shape[0] * shape[1],))
    return fits and tensor.is_floating_point()


def _as_state(tensor: torch.Tensor, shape: tuple[int, ...]) -> State:
    return tensor.reshape(*shape, tensor.shape[-1])  # OPT adds to states in one row


def same(one: Shaped[torch.Tensor, "..."], other: Shaped[torch.Tensor, "..."]) -> bool:
    """Whether two tensors are equal to the last bit, wherever they are."""
    return one.shape == other.shape and torch.equal(one, other.to(one.device))


@contextlib.contextmanager
def hooked(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """A forward hook for the time of the block."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def pre_hooked(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """A hook of what a module is given, names too, for the time of the block."""
    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
