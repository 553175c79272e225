"""How the layers of a place in the blocks are numbered."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lm_geometry.embed.params import Embed
from lm_geometry.params.check import check_project
from lm_geometry.workspace.layers import hidden_states
from lm_geometry.workspace.points import RESIDUAL, NamedModule, layers_at, named
from tests.params.test_check import errors_of, project_with

INSIDE = ["attention", "mlp", NamedModule(module="model.layers.*.mlp")]
OUTSIDE = NamedModule(module="model.norm")


@given(depth=st.integers(1, 90), data=st.data())
def test_layers_of_a_place_are_blocks_and_those_of_the_stream_stay(depth: int, data: Any) -> None:
    one = st.one_of(
        st.integers(-depth - 1, depth),
        st.sampled_from(["last", "0%", "25%", "67%", "100%", "0%-100%", "25%-50%"]),
    )
    asked = data.draw(st.one_of(st.just("all"), st.lists(one, max_size=4)))
    stream = hidden_states(asked, depth)
    assert layers_at(asked, depth, RESIDUAL) == stream
    for points in INSIDE:
        if isinstance(asked, list) and {0, -depth - 1} & {*asked}:
            with pytest.raises(ValueError, match=f"no layer .*; there are 1 … {depth}"):
                layers_at(asked, depth, points)
            continue
        found = layers_at(asked, depth, points)
        assert set(found) - {1} <= set(stream) - {0}
        assert set(found) <= set(range(1, depth + 1))
        assert len(found) == len(set(found))
        assert bool(found) == bool(stream)
        if 0 not in stream:
            assert found == stream


def test_a_module_outside_of_the_blocks_is_layer_0() -> None:
    asked: list[Any] = ["all", ["last"], [0], [-1], ["40%", "60%-100%"]]
    assert [layers_at(one, 30, OUTSIDE) for one in asked] == [[0]] * 5
    with pytest.raises(ValueError, match="there is no layer 3"):
        layers_at([3], 30, OUTSIDE)


@pytest.mark.parametrize("wrong", ["attn", {"module": ""}, {"module": "a..b"}, {"name": "a"}, 3])
def test_a_place_is_one_of_three_or_a_name(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Embed.model_validate({"points": wrong})
    assert named(Embed.model_validate({"points": {"module": "a.*.b"}}).points) == "a.*.b"
    assert Embed.model_validate({}).points == "residual"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"embed__points": "mlp"}, ""),
        ({"embed__points": {"module": "model.norm"}}, ""),
        (
            {"embed__points": "mlp", "embed__layers": [0, 20]},
            "embed.layers: smollm2 has no layer 0; outputs of the MLP are 1 … 30 (or -1 … -30",
        ),
        (
            {"embed__points": "mlp", "embed__prompts__layers": [-31]},
            "embed.prompts.layers: smollm2 has no layer -31; outputs of the MLP are 1 … 30",
        ),
        (
            {"embed__points": {"module": "model.norm"}, "embed__layers": [20]},
            "embed.layers: smollm2 has no layer 20; outputs of model.norm are 0 … 0",
        ),
        (
            {"embed__points": "mlp", "embed__layers": "all", "aggregate__layer": 0},
            "aggregate.layer: 0 is not in embed.layers 1 … 30",
        ),
        ({"embed__points": "attn"}, "embed.points: 'attn' is not valid: input should be"),
        ({"embed__points": {"modul": "a"}}, "embed.points.modul: unknown parameter"),
    ],
)
def test_params_are_checked_before_anything_is_loaded(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    if not told:
        check_project(project_with(tmp_path, **changes))
        return
    assert told in "\n".join(errors_of(tmp_path, **changes))
