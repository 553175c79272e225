"""Dialogue states: one form for all formats, against dialogues made in each and the real ones."""

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.ontologies import Ontology, ontology
from lm_geometry.data_prep.corpora.states import NAMES

REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="LM_GEOMETRY_REFERENCE is not set: no real dialogue data"
)
FIVE = ("attraction", "hotel", "restaurant", "taxi", "train")

# One dialogue, as its columns must be: state_before is the state of the user turn before.
TEXTS = [
    "A cheap hotel, for 2.",
    "The Gate, in the north? Or A1.",
    "Yes. Its phone?",
    "555",
    "Bye.",
]
STATES = [
    {"hotel-price range": "cheap", "hotel-book people": "2"},
    {"hotel-price range": "cheap", "hotel-book people": "2", "hotel-name": "the gate"},
]
INFORMED = {"hotel-name": "The Gate", "hotel-area": "north", "hotel-book day": "monday"}


def _read(path: Path, reader: str) -> tuple[list[dict[str, Any]], Ontology]:
    entry = Corpus.model_validate({"source": f"file:{path}", "reader": reader})
    parts = reading.read(entry, path)
    rows = [row for part in parts.values() for row in part.to_list()]
    return rows, ontology(entry, parts.values(), path)


def _columns(rows: list[dict[str, Any]]) -> list[list[Any]]:
    return [[json.loads(row[name]) if row[name] else "" for name in NAMES] for row in rows]


def _expected() -> list[list[Any]]:
    first = [STATES[0], {}, {}, []]
    second = [STATES[1], STATES[0], INFORMED, ["hotel-phone"]]
    return [first, [""] * 4, second, [""] * 4, [""] * 4]


def _original(folder: Path) -> Path:
    def metadata(name: str) -> dict[str, Any]:
        hotel = {"pricerange": "cheap|moderate", "name": name, "area": "not mentioned"}
        others = {domain: {"semi": {"area": ""}, "book": {"booked": []}} for domain in FIVE}
        booking = {"people": "2", "day": "", "booked": [{"name": "A1"}]}
        tracked = {"hotel": {"semi": hotel, "book": booking}}
        train = {"train": {"semi": {"day": "none"}, "book": {"booked": [], "ticket": "1"}}}
        police = {"police": {"semi": {"name": "parkside"}, "book": {}}}
        return others | tracked | train | police

    shown = {
        "Hotel-Recommend": [["Name", "The Gate"], ["Area", "north"], ["Name", "A1"]],
        "Booking-Book": [["Day", "monday"], ["Ref", "none"]],
        "Booking-Inform": [["Time", "12:00"]],
        "Hotel-Request": [["Stars", "?"]],
        "general-reqmore": [["none", "none"]],
    }
    said: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"Hotel-Inform": [["Price", "cheap"], ["People", "2"]]}),
        (metadata("not mentioned"), shown),
        ({}, {"Hotel-Inform": [["Name", "the gate"]], "Hotel-Request": [["Phone", "?"]] * 2}),
        (metadata("the gate>a1"), {"Hotel-Inform": [["Phone", "5"]]}),
        ({}, {"general-bye": [["none", "none"]]}),
    ]
    log = [
        {"text": text, "metadata": told, "dialog_act": acts}
        for text, (told, acts) in zip(TEXTS, said, strict=True)
    ]
    dialogue = {"goal": {"hotel": {"info": {}}}, "log": log}
    (folder / "test.json").write_text(json.dumps({"A.json": dialogue}))
    listed = {
        "hotel-semi-pricerange": ["cheap", "cheap|moderate", "moderate", "none"],
        "hotel-book-people": ["2"],
        "hotel-semi-name": ["the gate>a1"],
        "hospital-semi-department": ["x-ray"],
        **{f"{domain}-semi-area": ["north"] for domain in FIVE},
        "taxi-semi-leaveAt": ["12:00"],
    }
    (folder / "ontology21.json").write_text(json.dumps(listed))
    return folder


def _unified(folder: Path) -> Path:
    def state(name: str) -> dict[str, Any]:
        hotel = {"price range": "cheap|moderate", "name": name, "area": "", "book people": "2"}
        return {domain: {"area": ""} for domain in FIVE} | {"hotel": hotel, "hospital": {"x": "y"}}

    def acts(**given: list[tuple[str, str, str]]) -> dict[str, list[dict[str, str]]]:
        keys = ("intent", "domain", "slot", "value")
        return {
            kind.replace("non_", "non-"): [
                dict(zip(keys, (act[0], "hotel", *act[1:]), strict=True)) for act in several
            ]
            for kind, several in given.items()
        }

    shown = acts(
        categorical=[("recommend", "area", "north")],
        non_categorical=[
            ("recommend", "name", "The Gate"),
            ("select", "name", "A1"),
            ("book", "book day", "monday"),
            ("nooffer", "stars", "4"),
        ],
        binary=[("inform", "parking", ""), ("request", "stars", "")],
    )
    said = [
        {
            "dialogue_acts": acts(categorical=[("inform", "price range", "cheap")]),
            "state": state(""),
        },
        {"dialogue_acts": shown},
        {"dialogue_acts": acts(binary=[("request", "phone", "")] * 2), "state": state("the gate")},
        {"dialogue_acts": {}},
        {"dialogue_acts": {}},
    ]
    turns = [
        {"utterance": text, "utt_idx": i, "speaker": "system" if i % 2 else "user", **turn}
        for i, (text, turn) in enumerate(zip(TEXTS, said, strict=True))
    ]
    told = {"dialogue_id": "A", "original_id": "A.json", "data_split": "test", "domains": ["hotel"]}
    price = {"is_categorical": True, "possible_values": ["cheap", "moderate"]}
    slots = {"price range": price, "name": {"is_categorical": False, "possible_values": ["x"]}}
    named = {"price range": "", "name": "", "area": "", "book people": ""}
    listed = {
        "domains": {domain: {"slots": slots} for domain in (*FIVE, "hospital")},
        "state": dict.fromkeys(FIVE, named) | {"hospital": {"department": ""}},
    }
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        archive.writestr("data/dialogues.json", json.dumps([{**told, "turns": turns}]))
        archive.writestr("data/ontology.json", json.dumps(listed))
    return folder / "data.zip"


def test_one_dialogue_has_the_same_columns_in_both_formats_of_multiwoz(tmp_path: Path) -> None:
    original, listed = _read(_original(tmp_path), "multiwoz-original")
    unified, unified_listed = _read(_unified(tmp_path), "convlab")
    assert _columns(original) == _columns(unified) == _expected()
    assert listed == {
        "hotel-price range": ["cheap", "moderate"],
        "hotel-book people": ["2"],
        "hotel-name": ["the gate"],
        **{f"{domain}-area": ["north"] for domain in FIVE},
        "taxi-leave at": ["12:00"],
    }
    assert len(unified_listed) == 5 * 4
    assert unified_listed["hotel-price range"] == ["cheap", "moderate"]
    assert unified_listed["hotel-name"] == unified_listed["hotel-area"] == []  # free, and untold


def test_an_ontology_is_that_of_the_source_else_of_the_states(tmp_path: Path) -> None:
    _original(tmp_path)
    file = tmp_path / "ontology21.json"
    # It lacks hotel-price range, which only the task dialogue_state needs to know, and refuses.
    file.write_text(json.dumps({"hotel-semi-name": [], "hotel-book-people": ["2"]}))
    _, listed = _read(tmp_path, "multiwoz-original")
    assert listed == {"hotel-name": [], "hotel-book people": ["2"]}
    file.unlink()
    _, listed = _read(tmp_path, "multiwoz-original")
    assert listed == {
        "hotel-book people": ["2"],
        "hotel-name": ["the gate"],
        "hotel-price range": ["cheap"],
    }


def test_a_service_that_a_turn_does_not_speak_of_keeps_its_state(tmp_path: Path) -> None:
    def frame(service: str, values: dict[str, list[str]], *acts: dict[str, Any]) -> dict[str, Any]:
        return {"service": service, "state": {"slot_values": values}, "actions": list(acts)}

    def act(name: str, slot: str, *values: str) -> dict[str, Any]:
        return {"act": name, "slot": slot, "values": list(values)}

    offer = act("OFFER", "from", "Oslo", "Bergen"), act("REQUEST", "to"), act("REQ_MORE", "")
    turns = [
        [frame("Trains_1", {"from": ["oslo", "Oslo"]})],
        [{"service": "Hotels_2", "actions": list(offer)}],
        [frame("Hotels_2", {"Price_Range": ["low"]}, act("REQUEST", "stars"))],
    ]
    dialogue = {
        "dialogue_id": "1_0",
        "services": ["Trains_1", "Hotels_2"],
        "turns": [
            {"utterance": "x", "speaker": "SYSTEM" if i % 2 else "USER", "frames": frames}
            for i, frames in enumerate(turns)
        ],
    }
    for split, values in {"train": ["low"], "test": ["low", "high"]}.items():
        (tmp_path / split).mkdir()
        slots = [
            {"name": "price_range", "is_categorical": True, "possible_values": values},
            {"name": "from", "is_categorical": False, "possible_values": ["any"]},
        ]
        services = [{"service_name": name, "slots": slots} for name in dialogue["services"]]
        (tmp_path / split / "schema.json").write_text(json.dumps(services))
    (tmp_path / "test" / "dialogues_001.json").write_text(json.dumps([dialogue]))
    rows, listed = _read(tmp_path, "sgd-original")
    both = {"trains_1-from": "oslo", "hotels_2-price_range": "low"}
    assert _columns(rows) == [
        [{"trains_1-from": "oslo"}, {}, {}, []],
        [""] * 4,
        [both, {"trains_1-from": "oslo"}, {"hotels_2-from": "Oslo"}, ["hotels_2-stars"]],
    ]
    assert listed["hotels_2-price_range"] == ["low", "high"]
    assert listed["trains_1-from"] == []


# --- real dialogues ----------------------------------------------------------------------------


def _changes(rows: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """What each user turn sets or changes."""
    for row in rows:
        if row["speaker"] == "user":
            after, before = json.loads(row["state"]), json.loads(row["state_before"])
            yield {slot: value for slot, value in after.items() if before.get(slot) != value}


@pytest.mark.slow
@needs_reference
def test_multiwoz_21_has_its_thirty_slots_and_the_counted_changes() -> None:
    rows, listed = _read(Path(str(REFERENCE), "data", "multiwoz21"), "multiwoz-original")
    domains = [slot.partition("-")[0] for slot in listed]
    assert {domain: domains.count(domain) for domain in sorted(set(domains))} == {
        "attraction": 3,
        "hotel": 10,
        "restaurant": 7,
        "taxi": 4,
        "train": 6,
    }
    assert {slot for row in rows if row["state"] for slot in json.loads(row["state"])} == set(
        listed
    )
    counts = {}
    for split in ("validation", "test"):
        own = [row for row in rows if row["split"] == split]
        changed = list(_changes(own))
        assert len({row["document"] for row in own}) == {"validation": 999, "test": 1_000}[split]
        turns = sum(map(bool, changed))
        counts[split] = len(changed), turns, sum(map(len, changed))
        # What a turn had before is what the user's turn before it left.
        for before, row in zip(own, own[2:], strict=False):
            if before["document"] == row["document"] and row["speaker"] == "user":
                assert row["state_before"] == before["state"]
    # Once values are normalised, the test split has one such turn and two changes less.
    assert counts == {"validation": (7_365, 4_842, 8_428), "test": (7_372, 4_874, 8_640)}


@needs_reference
@pytest.mark.parametrize("name", ["multiwoz21", "sgd"])
def test_unified_states_are_those_of_the_file(name: str) -> None:
    path = Path(str(REFERENCE), "data", name, "unified_dummy_data.json")
    rows, listed = _read(path, "convlab")
    turns = [turn for dialogue in json.loads(path.read_text()) for turn in dialogue["turns"]]
    for row, turn in zip(rows, turns, strict=True):
        filled = {
            f"{domain}-{slot}".lower(): value.split("|")[0]
            for domain, slots in turn.get("state", {}).items()
            for slot, value in slots.items()
            if value and domain != "hospital"
        }
        assert (json.loads(row["state"]) if row["state"] else {}) == filled
        if row["state"]:
            assert set(filled) <= set(listed)
            asked = [act for act in turn["dialogue_acts"]["binary"] if act["intent"] == "request"]
            slots = [f"{act['domain']}-{act['slot']}".lower() for act in asked]
            assert set(json.loads(row["requested"])) >= set(slots)
