"""The modules of a model whose output is read in place of its hidden states."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from transformers import PreTrainedModel

from lm_geometry.models.additions import additions, mixing
from lm_geometry.models.blocks import Blocks, Calls, find_blocks, first_tensor, hooked
from lm_geometry.models.body import body_pass
from lm_geometry.models.probe import short_and_long
from lm_geometry.point_cloud.shapes import Float, Integer, Shaped
from lm_geometry.workspace.points import ANY, RESIDUAL, NamedModule, Points, outside

KEY = "embed.points"
States = Float[torch.Tensor, "batch positions width"]


@dataclass(frozen=True)
class Place:
    """The modules that are read, by the number of their layer; none for the residual stream."""

    points: Points
    modules: Mapping[int, str]

    def patterns(self) -> list[str]:
        """The modules' names, those of all blocks as one with a * where they are alike."""
        names = list(self.modules.values())
        return [_alike(names)] if len(names) > 1 and _alike(names) else names

    def record(self) -> dict[str, Any]:
        """Place and modules as a JSON object."""
        one = self.points
        own = one.model_dump() if isinstance(one, NamedModule) else one
        return {"points": own, "modules": self.patterns()}

    def told(self) -> str:
        """The place in words, such as "attention: model.layers.*.self_attn"."""
        kind = "module" if isinstance(self.points, NamedModule) else str(self.points)
        return f"{kind}: {', '.join(self.patterns())}" if self.modules else kind


STREAM = Place(RESIDUAL, {})


def _alike(names: list[str]) -> str:
    """One name for all, with a * for the one part in which they differ; empty where none is."""
    parts = list(zip(*(name.split(".") for name in names), strict=False))
    if len({name.count(".") for name in names}) > 1 or sum(len({*p}) > 1 for p in parts) != 1:
        return ""
    return ".".join(ANY if len({*part}) > 1 else part[0] for part in parts)


@torch.inference_mode()
def place_of(model: PreTrainedModel, points: Points, half: str = "") -> Place:
    """The modules at which `points` of a model in evaluation mode are, each called once in a pass.

    Layer i is the module of block i, 1 … depth; a module outside of the blocks is layer 0. Raises
    ValueError, which lists what could be named, where there is none or more than one.
    """
    if points == RESIDUAL:
        return STREAM
    ids, _ = short_and_long(model)
    try:
        blocks = find_blocks(model, ids, half)
    except ValueError as error:
        raise ValueError(f"{KEY}: {error}") from None
    if not isinstance(points, NamedModule):
        names = _of_kind(model, ids, half, blocks, str(points))
        return Place(points, dict(enumerate(names, start=1)))
    names = _named(blocks, [name for name, _ in model.named_modules()], points)
    for name in names:
        _refuse_unread(blocks.calls.get(name, Calls(name)))
    return Place(points, dict(enumerate(names, start=0 if outside(points) else 1)))


def _of_kind(
    model: PreTrainedModel, ids: torch.Tensor, half: str, blocks: Blocks, kind: str
) -> list[str]:
    """The one module of each block that adds to the residual stream as this kind does."""
    added = [additions(blocks, number) for number in range(len(blocks.names))]
    mixes = mixing(model, ids, half, blocks, added)
    wanted = kind == "attention"
    names: list[str] = []
    for number, (own, mixed) in enumerate(zip(added, mixes, strict=True), start=1):
        fitting = [call.name for call, mixer in zip(own, mixed, strict=True) if mixer == wanted]
        if len(fitting) != 1:
            told = "depends" if wanted else "does not depend"
            within = ", ".join(_candidates(blocks, number - 1))
            found = " and ".join(fitting) or "no module"
            raise ValueError(
                f"{KEY}: {kind}: in block {number} of {type(model).__name__} {found} "
                f"{'add' if len(fitting) > 1 else 'adds'} to the residual stream what {told} on "
                f"other tokens: name one, {{module: PATTERN}}, of {within}"
            )
        names += fitting
    return names


def _candidates(blocks: Blocks, number: int) -> list[str]:
    """The modules of a block that return a state, with a * for its number."""
    block = blocks.names[number]
    parent = block.rpartition(".")[0]
    own = [call.name for call in blocks.inside(number) if call.returned is not None]
    return [f"{parent}.{ANY}{name.removeprefix(block)}" for name in own]


def _named(blocks: Blocks, there: list[str], points: NamedModule) -> list[str]:
    """The modules that a pattern matches: one of each block in order, or one outside."""
    pattern = points.module
    matched = [name for name in there if _matches(name, pattern)]
    if not matched:
        within = _candidates(blocks, 0)
        raise ValueError(f"{KEY}: no module is named {pattern}; in a block {', '.join(within)}")
    inside = {name: n for name in matched for n, b in enumerate(blocks.names) if _in(name, b)}
    if outside(points):
        if inside:
            number = inside[pattern]
            star = f"{blocks.names[number].rpartition('.')[0]}.{ANY}"
            raise ValueError(
                f"{KEY}: {pattern} is in block {number + 1}: name it in every block, "
                f"{star}{pattern.removeprefix(blocks.names[number])}, and choose by embed.layers"
            )
        return matched
    beyond = [name for name in matched if name not in inside]
    if beyond:
        raise ValueError(f"{KEY}: {pattern} matches {beyond[0]}, which is in no block")
    names: list[str] = []
    for number in range(len(blocks.names)):
        own = [name for name, block in inside.items() if block == number]
        if len(own) != 1:
            raise ValueError(
                f"{KEY}: {pattern} matches {len(own)} modules in block {number + 1}, and one of "
                f"each block is read{': ' if own else ''}{', '.join(own)}"
            )
        names += own
    return names


def _matches(name: str, pattern: str) -> bool:
    """Whether a name has as many parts as a pattern, each of which fits."""
    both = name.split("."), pattern.split(".")
    return len(both[0]) == len(both[1]) and all(map(fnmatchcase, *both))


def _in(name: str, block: str) -> bool:
    return name == block or name.startswith(f"{block}.")


def _refuse_unread(calls: Calls) -> None:
    if calls.times != 1:
        raise ValueError(
            f"{KEY}: {calls.name} is called {calls.times} times in a pass, and is read at one call"
        )
    if calls.returned is None:
        raise ValueError(
            f"{KEY}: {calls.name} returns no state of [sequences, tokens, width], but {calls.shape}"
        )


def states_at(
    place: Place,
    layers: Sequence[int],
    model: PreTrainedModel,
    ids: Integer[torch.Tensor, "batch positions"],
    mask: Shaped[torch.Tensor, "batch positions"] | None = None,
    half: str = "",
) -> tuple[States, list[States]]:
    """The states that the head reads, and those `[batch, positions, width]` of the `layers`.

    `ids`, `mask` and `half` are as for `models.body.body_pass`. Raises ValueError where a module
    returns another shape than it did to `place_of`.
    """
    if not place.modules:
        body = body_pass(model, ids, mask, half)
        return body.last, [body.states[layer] for layer in layers]
    asked = {layer: place.modules[layer] for layer in layers}
    with _returned(model, asked) as states:
        last = body_pass(model, ids, mask, half).last
    for layer, name in asked.items():
        if layer not in states or states[layer].shape != last.shape:
            told = tuple(states[layer].shape) if layer in states else "nothing"
            raise ValueError(
                f"{KEY}: {name} returns {told}, and a state of each token is {tuple(last.shape)}"
            )
    return last, [states[layer] for layer in layers]


@contextlib.contextmanager
def _returned(
    model: PreTrainedModel, modules: Mapping[int, str]
) -> Iterator[dict[int, torch.Tensor]]:
    """Copies of what modules return first, by layer, filled while the model is called once.

    Copies, for a block may add to an output in place. The hooks are gone afterwards.
    """
    found: dict[int, torch.Tensor] = {}

    def keep(layer: int, output: object) -> None:
        state = first_tensor(output)
        if state is None or layer in found:
            raise ValueError(f"{KEY}: {modules[layer]} does not return one state in a pass")
        found[layer] = state.clone()

    with contextlib.ExitStack() as hooks:
        for layer, name in modules.items():
            module = model.get_submodule(name)
            look = hooked(module, lambda _m, _a, output, layer=layer: keep(layer, output))
            hooks.enter_context(look)
        yield found
