"""The class of each slot in a turn, one made turn for every class."""

import pytest

from lm_geometry.state_tracking.labels import KINDS, NONE, SlotLabel, Turn, turn_labels

ONTOLOGY: dict[str, list[str]] = {
    "hotel-area": ["north", "south", "dontcare"],
    "hotel-name": [],
    "hotel-parking": ["yes", "no", "free", "dontcare"],
    "hotel-book people": ["1", "2"],
    "hotel-book stay": ["1", "2"],
    "restaurant-area": ["north", "south"],
    "restaurant-book people": ["1", "2"],
    "taxi-destination": [],
}


def label(slot: str, text: str = "yes", **turn: dict[str, str]) -> SlotLabel:
    """The label of a slot in a turn; of every other slot it is none."""
    given = {"state": {}, "before": {}, "informed": {}} | turn
    found = turn_labels(Turn(text, **given), ONTOLOGY)
    assert list(found) == list(ONTOLOGY)
    assert all(value == NONE for name, value in found.items() if name != slot)
    return found[slot]


def test_there_are_eight_classes_in_the_published_order() -> None:
    told = "none dontcare copy_value true false refer inform request"
    assert list(KINDS) == told.split()


def test_what_does_not_change_is_none_however_it_is_spelled() -> None:
    same = {"state": {"hotel-area": "the North"}, "before": {"hotel-area": "north"}}
    assert label("hotel-area", "in the north", **same) == NONE
    assert label("hotel-area", state={"hotel-area": "not mentioned"}) == NONE


def test_no_preference() -> None:
    assert label("hotel-area", state={"hotel-area": "do n't care"}) == SlotLabel("dontcare")


@pytest.mark.parametrize(("value", "kind"), [("free", "true"), ("yes", "true"), ("no", "false")])
def test_a_boolean_slot_is_true_or_false_whatever_is_said(value: str, kind: str) -> None:
    assert label("hotel-parking", "no, free", state={"hotel-parking": value}).kind == kind


def test_a_value_that_is_said_is_copied_before_all_else() -> None:
    text = "North? No, the north is fine"
    turn = {"state": {"hotel-area": "north"}, "informed": {"hotel-area": "north"}}
    turn["before"] = {"restaurant-area": "north"}
    turn["state"] |= turn["before"]
    assert label("hotel-area", text, **turn) == SlotLabel("copy_value", span=(15, 20))
    assert label("hotel-area", "yes", **turn) == SlotLabel("inform")
    del turn["informed"]
    assert label("hotel-area", "yes", **turn) == SlotLabel("refer", referred="restaurant-area")


@pytest.mark.parametrize("informed", ["Gonville Hotel", "the gonville hotel cambridge", "gonville"])
def test_what_the_system_informed_may_be_longer_or_shorter(informed: str) -> None:
    turn = {"state": {"hotel-name": "gonville hotel"}, "informed": {"hotel-name": informed}}
    assert label("hotel-name", "book it", **turn) == SlotLabel("inform")


def test_a_place_may_be_that_of_any_slot_and_a_number_only_of_its_own_name() -> None:
    before = {"hotel-name": "acorn", "hotel-book stay": "2", "restaurant-book people": "2"}
    found = label("taxi-destination", before=before, state=before | {"taxi-destination": "acorn"})
    assert found == SlotLabel("refer", referred="hotel-name")
    found = label("hotel-book people", before=before, state=before | {"hotel-book people": "2"})
    assert found == SlotLabel("refer", referred="restaurant-book people")
    del before["restaurant-book people"]
    found = label("hotel-book people", before=before, state=before | {"hotel-book people": "2"})
    assert found == SlotLabel("none", pointable=False)


def test_a_value_of_nowhere_and_one_that_is_taken_away_are_trained_as_none() -> None:
    wanted = SlotLabel("none", pointable=False)
    assert label("hotel-area", "near me", state={"hotel-area": "north"}) == wanted
    assert label("hotel-area", "north?", before={"hotel-area": "north"}) == wanted


def test_a_request_is_of_a_slot_without_a_new_value_to_point_to() -> None:
    turn = Turn("its area?", {"hotel-name": "x"}, {}, {}, ("hotel-area", "hotel-name", "hotel-car"))
    found = turn_labels(turn, ONTOLOGY)
    assert found["hotel-area"] == SlotLabel("request")
    assert found["hotel-name"] == SlotLabel("request", pointable=False)
    copied = Turn("in the north", {"hotel-area": "north"}, {}, {}, ("hotel-area",))
    assert turn_labels(copied, ONTOLOGY)["hotel-area"].kind == "copy_value"


def test_a_slot_that_the_ontology_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="hotel-pool"):
        turn_labels(Turn("a pool", {"hotel-pool": "yes"}, {}, {}), ONTOLOGY)
