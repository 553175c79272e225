"""Layers as shares of the depth: the same words for every model."""

import pytest
from pydantic import ValidationError

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.embed.params import Embed
from lm_geometry.workspace.layers import blocks, hidden_states, shown
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

DEPTHS = range(1, 97)


def test_the_default_study_has_the_layers_and_blocks_that_it_had_as_numbers() -> None:
    params = read_yaml(ROOT / "params.yaml")
    layers = hidden_states(params["embed"]["layers"], 30)
    assert layers == [12, 15, 18, 20, 22, 24, 27, 30]
    assert blocks(params["finetune"]["lora"]["layers"], 30) == [*range(8, 30)]
    assert shown(params["aggregate"]["layer"], layers, 30) == 20


@pytest.mark.parametrize(
    ("asked", "states", "of_blocks"),
    [
        (["last"], [12], [11]),
        (["0%", "100%"], [0, 12], [0, 11]),
        (["25%-50%", 1, 3], [3, 4, 5, 6, 1], [3, 4, 5, 1]),
        (["50%", "last", 6], [6, 12], [5, 11, 6]),
        (["4%"], [0], [0]),
        (["4.2%"], [1], [0]),
    ],
)
def test_shares_and_numbers_mix(
    asked: list[int | str], states: list[int], of_blocks: list[int]
) -> None:
    assert hidden_states(asked, 12) == states
    assert blocks(asked, 12) == of_blocks


@pytest.mark.parametrize("depth", DEPTHS)
def test_spans_that_meet_share_no_block_and_leave_none_out(depth: int) -> None:
    halves = [blocks(["0%-50%"], depth), blocks(["50%-100%"], depth)]
    assert sorted({*halves[0], *halves[1]}) == [*range(depth)]
    assert depth == 1 or len(halves[0]) + len(halves[1]) == depth
    for first in range(0, 100, 7):  # a span is never empty, nor outside
        found = blocks([f"{first}%-{first + 1}%"], depth)
        assert found
        assert set(found) <= {*range(depth)}
    assert hidden_states(["0%-100%"], depth) == hidden_states("all", depth)


def test_a_share_shows_the_nearest_layer_there_is() -> None:
    assert shown("67%", [3, 6, 9, 12], 12) == 9
    assert shown("62.5%", [6, 9], 12) == 9  # 7.5, a half up, is 8
    assert shown("50%", [5, 7], 12) == 5
    assert shown("last", [5, 7], 12) == 7
    assert shown("50%", [-1], 12) == -1  # a combination
    assert shown(-2, [5, 11], 12) == 11


@pytest.mark.parametrize("wrong", ["50", "101%", "60%-40%", "50%-50%", "half", "-5%"])
def test_what_is_no_share_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="a share of the depth"):
        Embed.model_validate({"layers": [wrong]})
    with pytest.raises(ValidationError, match="a share of the depth"):
        Aggregate.model_validate({"layer": wrong})


def test_one_word_needs_no_brackets() -> None:
    assert Embed.model_validate({"layers": "25%-100%"}).layers == ["25%-100%"]
    assert Embed.model_validate({"layers": "all"}).layers == "all"
    with pytest.raises(ValidationError, match="a number, last"):
        Aggregate.model_validate({"layer": "25%-100%"})  # one layer is shown
