"""Values of slots: their spelling, what people say for them, and where they say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_geometry.state_tracking.mentions import last_mention
from lm_geometry.state_tracking.values import boolean, normalised, overlapping, same


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("The Gonville Hotel", "gonvillehotel"),
        ("guest house", "guesthouse"),
        ("John's  College", "johnscollege"),
        ("john 's college", "johnscollege"),
        ("a & b", "aandb"),
        ("Two", "2"),
        ("one seven", "1 7"),
        ("17:05", "17:05"),
        ("1705", "17:05"),
        ("5:05 pm", "17:05"),
        ("12 a.m.", "00:00"),
        ("noon", "12:00"),
        ("5:05", "5:05"),
        ("not mentioned", ""),
        ("none", ""),
        ("do n't care", "dontcare"),
        ("doesn't care", "dontcare"),
        ("free", "yes"),
        ("No", "no"),
        ("the", "the"),
    ],
)
def test_a_value_has_one_spelling(value: str, wanted: str) -> None:
    assert normalised(value) == wanted
    assert normalised(normalised(value)) == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("centre", "Center"),
        ("the acorn", "acorn guest house"),
        ("kings cross", "london kings cross"),
        ("moderately", "moderate"),
        ("5:15", "17:15"),
        ("5:15", "05:15"),
        ("5", "17:00"),
        ("9", "09:00"),
        ("11", "11:00"),
        ("9:15", "21:15"),
        ("museums", "museum"),
        ("west", "centre|west"),
        ("cheap", "cheap>moderate"),
        ("", "not mentioned"),
        ("any", "any"),
    ],
)
def test_values_are_the_same_in_either_order(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("05:15", "17:15"),
        ("5 am", "17:00"),
        ("09:15", "21:15"),
        ("11:30", "23:30"),
        ("11:30 am", "23:30"),
        ("11", "23:00"),
        ("12:15", "00:15"),
        ("acorn", "acorn lodge guest house hotel"),
        ("", "dontcare"),
        ("dontcare", "cheap"),
        ("2", "12"),
        ("1 7", "17"),
        ("yes", "no"),
        ("north", "centre|west"),
    ],
)
def test_other_values_are_not(one: str, other: str) -> None:
    assert not same(one, other)
    assert not same(other, one)


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from([-12, 0, 12]), st.booleans())
def test_an_hour_of_one_digit_alone_leaves_the_half_of_the_day_open(
    hour: int, minute: int, shift: int, padded: bool
) -> None:
    label = f"{hour:02}:{minute:02}"
    said = hour + shift if 0 <= hour + shift < 24 else hour
    told = f"{said:02}:{minute:02}" if padded else f"{said}:{minute:02}"
    # Between 1 and 9 one digit may be of the evening; nothing else is of another half.
    alike = said == hour or (not padded and 1 <= said <= 9 and hour == said + 12)
    assert same(told, label) is same(label, told) is alike


def test_words_in_a_row_overlap() -> None:
    assert overlapping("cambridge arts theatre", "arts theatre")
    assert overlapping("arts theatre", "the cambridge arts theatre")
    assert not overlapping("cambridge theatre", "cambridge arts theatre")
    assert not overlapping("yes", "yes please")
    assert not overlapping("", "anything")


def test_a_slot_is_boolean_by_its_possible_values() -> None:
    assert boolean(["yes", "no", "free", "dontcare"])
    assert boolean(["False", "True"])
    assert not boolean(["yes", "no", "guest house"])
    assert not boolean(["dontcare"])
    assert not boolean([])


@pytest.mark.parametrize(
    ("value", "text", "said"),
    [
        ("cheap", "A cheap one, as cheap as it gets.", (16, 21)),
        ("2", "Two rooms for two people", "two"),
        ("2", "leave at 2:15", None),
        ("17:00", "two people at 5", "5"),
        ("17:00", "for 5 people", None),
        ("17:15", "I arrive by 5:15 pm .", "5:15 pm"),
        ("05:15", "I arrive by 5:15 pm .", None),
        ("23:30", "I arrive by 11:30 am .", None),
        ("23:30", "I arrive by 11:30 pm .", "11:30 pm"),
        ("11:30", "I arrive by 11:30", "11:30"),
        ("guesthouse", "a guest house, please", "guest house"),
        ("bed and breakfast", "some b&b", "b&b"),
        ("saint johns college", "is Saint John 's College open?", "Saint John 's College"),
        ("acorn guest house", "The acorn guest house", "acorn guest house"),
        ("swimmingpool", "a swimming pool", "swimming pool"),
        ("east", "the beast", None),
        ("centre|west", "in the west", "west"),
        ("", "none of them", None),
        ("north", "", None),
    ],
)
def test_the_last_mention_is_found(value: str, text: str, said: str | tuple | None) -> None:
    found = last_mention(value, text)
    if isinstance(said, str):
        assert found is not None
        assert text[slice(*found)] == said
    else:
        assert found == said
