"""States turn by turn: by hand, and against a search backwards from each turn."""

from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.state_tracking.labels import KINDS, SlotLabel, Turn, turn_labels
from lm_geometry.state_tracking.update import Heard, Tracked, states, updated

SLOTS = ("a-x", "b-x", "b-y")
BOOLEANS = frozenset({"b-y"})
TEXT = "one two three"


def test_a_dialogue_by_hand() -> None:
    turns = [
        Heard(
            "A cheap one in the north",
            {},
            {
                "hotel-price": SlotLabel("copy_value", span=(2, 7)),
                "hotel-area": SlotLabel("copy_value", span=(19, 24)),
                "hotel-parking": SlotLabel("true"),
                "hotel-stars": SlotLabel("true"),  # which is no boolean slot
            },
        ),
        Heard(
            "Yes, and a restaurant there",
            {"hotel-name": "Acorn"},
            {
                "hotel-name": SlotLabel("inform"),
                "hotel-stars": SlotLabel("inform"),  # of which the system said nothing
                "restaurant-area": SlotLabel("refer", referred="hotel-area"),
                "hotel-area": SlotLabel("dontcare"),
                "restaurant-food": SlotLabel("refer", referred="hotel-food"),  # which has none
            },
        ),
        Heard("Thanks", {}, {"hotel-price": SlotLabel("request"), "hotel-name": SlotLabel("none")}),
    ]
    first, second, third = states(turns, frozenset({"hotel-parking"}))
    assert first == {
        "hotel-price": Tracked("cheap"),
        "hotel-area": Tracked("north"),
        "hotel-parking": Tracked("yes"),
    }
    assert second == first | {
        "hotel-name": Tracked("Acorn", informed=True),
        "restaurant-area": Tracked("north"),  # as it was before the turn
        "hotel-area": Tracked("dontcare"),
    }
    assert third == second


LABELS = st.builds(
    SlotLabel,
    st.sampled_from(KINDS),
    st.none() | st.tuples(st.integers(0, 13), st.integers(0, 13)),
    st.none() | st.sampled_from(SLOTS),
)
TURNS = st.lists(
    st.builds(
        Heard,
        st.just(TEXT),
        st.dictionaries(st.sampled_from(SLOTS), st.sampled_from(["red", "blue"])),
        st.dictionaries(st.sampled_from(SLOTS), LABELS),
    ),
    max_size=6,
)


def value_at(turns: list[Heard], number: int, slot: str) -> str | None:
    """The value of a slot after a turn, sought from that turn backwards."""
    if number < 0:
        return None
    turn, earlier = turns[number], value_at(turns, number - 1, slot)
    label = turn.labels.get(slot, SlotLabel("none"))
    sources = {
        "dontcare": "dontcare",
        "copy_value": TEXT[label.span[0] : label.span[1]].strip() if label.span else None,
        "true": "yes" if slot in BOOLEANS else None,
        "false": "no" if slot in BOOLEANS else None,
        "inform": turn.informed.get(slot),
        "refer": value_at(turns, number - 1, label.referred) if label.referred else None,
    }
    return sources.get(label.kind) or earlier


@given(TURNS)
def test_every_value_is_that_of_its_last_source(turns: list[Heard]) -> None:
    found = states(turns, BOOLEANS)
    for number, state in enumerate(found):
        values = {slot: value_at(turns, number, slot) for slot in SLOTS}
        assert {slot: tracked.value for slot, tracked in state.items()} == {
            slot: value for slot, value in values.items() if value
        }


@given(TURNS)
def test_an_update_leaves_the_state_before_as_it_was(turns: list[Heard]) -> None:
    before = {"a-x": Tracked("red"), "b-x": Tracked("blue", informed=True)}
    for turn in turns:
        updated(before, turn, BOOLEANS)
    assert before == {"a-x": Tracked("red"), "b-x": Tracked("blue", informed=True)}


VALUES = st.sampled_from(["one", "two", "three", "red", "dontcare"])
STATES = st.dictionaries(st.sampled_from(["a-x", "b-x"]), VALUES)
NAMED = st.fixed_dictionaries({"a-x": VALUES, "b-x": VALUES})


@given(NAMED, STATES, STATES)
def test_labels_that_can_be_pointed_to_lead_to_their_state(
    state: dict[str, str], before: dict[str, str], informed: dict[str, str]
) -> None:
    labels = turn_labels(Turn(TEXT, state, before, informed), {"a-x": [], "b-x": []})
    known = {slot: Tracked(value) for slot, value in before.items()}
    after = updated(known, Heard(TEXT, informed, labels), frozenset())
    for slot, label in labels.items():
        if label.pointable:
            assert after[slot].value == state[slot]
        else:
            assert after.get(slot) == known.get(slot)
