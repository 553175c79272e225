"""What a block adds to its residual stream, and which of it mixes tokens, found in passes.

Attention is what adds to the stream something of other tokens, and the MLP what adds something of
the token alone: names and classes play no part.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import torch
from transformers import PreTrainedModel

from lm_geometry.models.blocks import Blocks, Calls, State, first_tensor, hooked, pre_hooked, same
from lm_geometry.models.body import body_pass
from lm_geometry.models.probe import ROUNDING, difference
from lm_geometry.point_cloud.shapes import Integer

Addition = tuple[Calls, ...]  # one, or two that are added at once (attention beside the MLP)


def additions(blocks: Blocks, number: int) -> list[Calls]:
    """The modules of a block whose output is added to its residual stream, in their order.

    The stream begins with what the block is given. A sum of it and of an output, equal to the last
    bit to what another module is given or to what the block returns, is the stream from there on;
    where a module is given that sum (a norm after the addition, as in BERT), its output may be.
    """
    own, block = blocks.inside(number), blocks.calls[blocks.names[number]]
    outputs = _distinct(own)
    reached = [given for call in own for given in call.given]
    end = block.returned
    reached += [end] if end is not None else []
    streams, found = [block.given[0]], list[Calls]()
    while end is None or not same(end, streams[0]):  # the others may hold later additions
        step = _step(streams, [one for one in outputs if one not in found], reached)
        if step is None:
            break
        added, state = step
        found += added
        streams = [state]
        streams += [c.returned for c in own if c.returned is not None and _given(c, state)]
    return sorted(found, key=own.index)


def _given(call: Calls, state: State) -> bool:
    return bool(call.given) and same(call.given[0], state)


def _distinct(own: Sequence[Calls]) -> list[Calls]:
    """Of modules with the same output the outermost, and of those the first; none that adds 0."""
    found: list[Calls] = []
    for call in own:
        if call.returned is None or not bool(call.returned.any()):
            continue
        equal = next((n for n, one in enumerate(found) if _same_output(one, call)), None)
        if equal is None:
            found.append(call)
        elif call.name.count(".") < found[equal].name.count("."):
            found[equal] = call
    return found


def _same_output(one: Calls, other: Calls) -> bool:
    assert one.returned is not None
    assert other.returned is not None
    return same(one.returned, other.returned)


def _step(
    streams: Sequence[State], outputs: Sequence[Calls], reached: Sequence[State]
) -> tuple[Addition, State] | None:
    """The next addition to the stream, and what the stream is after it."""
    several: list[Addition] = [(one,) for one in outputs]
    for added in [*several, *combinations(outputs, 2)]:
        for stream in streams:
            for total in _sums(stream, added):
                if any(same(total, state) for state in reached):
                    return added, total
    return None


def _sums(stream: State, added: Addition) -> Iterator[State]:
    """The stream and one or two outputs, added in each order that rounds differently."""
    parts = [call.returned.to(stream.device) for call in added if call.returned is not None]
    if len(parts) == 1:
        yield stream + parts[0]
        return
    one, other = parts
    yield (stream + one) + other
    yield (stream + other) + one
    yield stream + (one + other)


def mixing(
    model: PreTrainedModel,
    ids: Integer[torch.Tensor, "1 positions"],
    half: str,
    blocks: Blocks,
    added: Sequence[Sequence[Calls]],
) -> list[list[bool]]:
    """Of each addition of each block whether it has something of other tokens than its own.

    Every block is given what it was given, but for the first token. While what was added before is
    held, an addition changes at the other tokens only where it mixes them.
    """
    found: list[list[bool]] = [[] for _ in added]
    for place in range(max(map(len, added), default=0)):
        held = [call for own in added for call in own[:place]]
        asked = {own[place].name: n for n, own in enumerate(added) if place < len(own)}
        for name, returned in _changed(model, ids, half, blocks, held, asked).items():
            before = blocks.calls[name].returned
            assert before is not None
            change = difference(before, returned, slice(1, None))
            found[asked[name]].append(change > ROUNDING[model.dtype])
    return found


def _changed(
    model: PreTrainedModel,
    ids: torch.Tensor,
    half: str,
    blocks: Blocks,
    held: Sequence[Calls],
    asked: dict[str, int],
) -> dict[str, State]:
    """Outputs of the `asked` modules in a pass in which each block has another first token."""
    found: dict[str, State] = {}

    def see(name: str, output: object) -> None:
        state = first_tensor(output)
        assert state is not None
        found[name] = state.clone()

    with contextlib.ExitStack() as hooks:
        for name in blocks.names:
            state = blocks.calls[name].given[0].clone()
            state[:, 0] = state[:, -1]
            put = pre_hooked(
                model.get_submodule(name), lambda _m, a, k, state=state: _instead(a, k, state)
            )
            hooks.enter_context(put)
        for call in held:
            hold = hooked(model.get_submodule(call.name), lambda _m, _a, o, c=call: _held(o, c))
            hooks.enter_context(hold)
        for name in asked:
            look = hooked(model.get_submodule(name), lambda _m, _a, o, name=name: see(name, o))
            hooks.enter_context(look)
        body_pass(model, ids, half=half)
    return found


def _instead(
    args: tuple[Any, ...], named: dict[str, Any], state: State
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a block is given, with another state in place of its first of that shape."""

    def is_state(one: object) -> bool:
        return torch.is_tensor(one) and one.shape == state.shape and one.is_floating_point()

    for place, one in enumerate(args):
        if is_state(one):
            return (*args[:place], state.to(one.device), *args[place + 1 :]), named
    for name, one in named.items():
        if is_state(one):
            return args, named | {name: state.to(one.device)}
    raise AssertionError("a block that is given no state")  # `find_blocks` saw one


def _held(output: object, call: Calls) -> object:
    """The same kind of output with the states of an earlier pass."""
    before = call.returned
    assert before is not None
    if torch.is_tensor(output):
        return before.clone()
    if isinstance(output, tuple | list):
        place = next(n for n, one in enumerate(output) if torch.is_tensor(one))
        return type(output)([*output[:place], before.clone(), *output[place + 1 :]])
    raise ValueError(f"{call.name} returns a {type(output).__name__}, which is not read")
