"""Joint goal accuracy: values computed by hand, and what is the case for any states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.state_tracking.joint_goal import Goals, joint_goal
from lm_geometry.state_tracking.update import Tracked

SLOTS = ["hotel-area", "hotel-name", "hotel-stars"]
GOLD = [
    {"hotel-area": "north"},
    {"hotel-area": "north", "hotel-name": "acorn guest house"},
    {"hotel-area": "north", "hotel-name": "acorn guest house", "hotel-stars": "4"},
    {"hotel-area": "dontcare", "hotel-name": "acorn guest house", "hotel-stars": "4"},
]
AREA = {"hotel-area": Tracked("North")}


def test_four_turns_by_hand() -> None:
    predicted = [
        AREA,  # right
        AREA | {"hotel-name": Tracked("The Acorn"), "hotel-stars": Tracked("3")},  # stars too early
        AREA | {"hotel-stars": Tracked("four")},  # no name
        {"hotel-area": Tracked("do n't care"), "hotel-name": Tracked("acorn guesthouse")}
        | {"hotel-stars": Tracked("4")},  # right
    ]
    assert joint_goal(predicted, GOLD, SLOTS) == Goals(2 / 4, pytest.approx(10 / 12))


def test_the_published_rule_forgives_values_that_the_system_informed() -> None:
    name = "acorn guest house in the north"
    for tracked, forgiven in ((Tracked(name, informed=True), True), (Tracked(name), False)):
        predicted = [AREA | {"hotel-name": tracked}]
        gold = [GOLD[1]]
        assert joint_goal(predicted, gold, SLOTS).joint_goal_accuracy == 0
        assert joint_goal(predicted, gold, SLOTS, lenient=True).joint_goal_accuracy == forgiven
    invented = [AREA | {"hotel-name": Tracked("acorn", informed=True)}]
    assert joint_goal(invented, [GOLD[0]], SLOTS, lenient=True).joint_goal_accuracy == 0


def test_nothing_predicted_is_right_where_nothing_is_wanted() -> None:
    assert joint_goal([{}], [{"hotel-area": "not mentioned"}], SLOTS) == Goals(1, 1)
    assert joint_goal([{}], [{"hotel-area": "dontcare"}], SLOTS) == Goals(0, pytest.approx(2 / 3))


def test_slots_that_are_not_asked_for_do_not_count() -> None:
    assert joint_goal([{}], [{"bus-day": "monday"}], SLOTS) == Goals(1, 1)


@pytest.mark.parametrize(("gold", "slots"), [([], SLOTS), ([{}], [])])
def test_nothing_to_score_is_an_error(gold: list[dict[str, str]], slots: list[str]) -> None:
    with pytest.raises(ValueError, match="a turn and a slot"):
        joint_goal([{}] * len(gold), gold, slots)


STATES = st.lists(
    st.dictionaries(st.sampled_from(SLOTS), st.sampled_from(["red", "blue", "dontcare", ""])),
    min_size=1,
    max_size=5,
)


@given(STATES, STATES)
def test_it_is_the_share_of_turns_in_which_no_slot_differs(
    one: list[dict[str, str]], other: list[dict[str, str]]
) -> None:
    turns = min(len(one), len(other))
    predicted = [{slot: Tracked(v) for slot, v in state.items()} for state in one[:turns]]
    right = [
        [mine.get(slot, "") == wanted.get(slot, "") for slot in SLOTS]
        for mine, wanted in zip(one[:turns], other[:turns], strict=True)
    ]
    found = joint_goal(predicted, other[:turns], SLOTS)
    assert found.joint_goal_accuracy == sum(map(all, right)) / turns
    assert found.slot_accuracy == pytest.approx(sum(map(sum, right)) / (turns * len(SLOTS)))
    assert found.joint_goal_accuracy <= found.slot_accuracy + 1e-12
