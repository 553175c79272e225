"""States, acts and ontology of MultiWOZ's original format, in the words of the unified one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.json_files import parsed
from lm_geometry.data_prep.corpora.states import Act, State, Turn, first_value, slot_name, tracked

BOOKED = ("hotel", "restaurant")  # what acts of the domain `Booking` may be about
NO_SLOTS = ("booked", "ticket")  # of the metadata: what was booked, and of two trains its price
SEPARATORS = "|>"  # between several values
ONTOLOGIES = ("ontology21.json", "ontology.json")

# Slots by their name in the metadata, the ontology or the acts; those of one domain stand first.
OF_DOMAIN = {
    ("attraction", "price"): "entrance fee",
    ("hotel", "day"): "book day",
    ("hotel", "price"): "price range",
    ("restaurant", "day"): "book day",
    ("restaurant", "time"): "book time",
    ("restaurant", "price"): "price range",
    ("train", "time"): "duration",
}
WORDS = {
    "addr": "address",
    "arrive": "arrive by",
    "arriveby": "arrive by",
    "car": "type",
    "depart": "departure",
    "dest": "destination",
    "fee": "entrance fee",
    "id": "train id",
    "leave": "leave at",
    "leaveat": "leave at",
    "open": "open hours",
    "people": "book people",
    "post": "postcode",
    "pricerange": "price range",
    "stay": "book stay",
    "ticket": "price",
}


def turns(log: list[dict[str, Any]]) -> Iterator[Turn]:
    """The turns of a dialogue: user and system in turn.

    The state after a user turn is what the system reports with its answer; a user turn that is not
    answered has none. Both sides have acts in 2.1 and later, and in 2.0 the system alone.
    """
    booked = BOOKED[0]
    for number, said in enumerate(log):
        acts = said.get("dialog_act") or {}
        spoken = [act.partition("-")[0].lower() for act in acts]
        booked = next((name for name in reversed(spoken) if name in BOOKED), booked)
        answered = number % 2 == 0 and number + 1 < len(log)
        states = _states(log[number + 1].get("metadata") or {}) if answered else None
        yield Turn(states, list(_acts(acts, booked)))


def ontology(folder: Path) -> dict[str, list[str]]:
    """Slots with the values that `ontology21.json` or `ontology.json` lists, each once.

    Of several values in one the first is meant, as in states. Empty where there is no such file.
    """
    file = next((folder / name for name in ONTOLOGIES if (folder / name).exists()), None)
    if file is None:
        return {}
    listed: dict[str, list[Any]] = parsed(file.read_bytes(), file)
    domains = tracked(dict.fromkeys(name.partition("-")[0].lower() for name in listed))
    found: dict[str, list[str]] = {}
    for name, several in listed.items():
        domain, _, slot = name.lower().partition("-")
        if domain in domains:
            slot = slot.removeprefix("semi-").replace("book-", "book ")
            values = [first_value(value, SEPARATORS) for value in several]
            found[_name(domain, slot)] = [value for value in dict.fromkeys(values) if value]
    return found


def _states(metadata: Mapping[str, Any]) -> dict[str, State]:
    found: dict[str, State] = {}
    for domain in tracked(metadata):
        parts = metadata[domain]
        slots = {**parts.get("semi", {}), **_of_booking(parts.get("book", {}))}
        named = {_name(domain, slot): first_value(slots[slot], SEPARATORS) for slot in slots}
        found[domain] = {slot: value for slot, value in named.items() if value}
    return found


def _of_booking(slots: Mapping[str, Any]) -> dict[str, Any]:
    return {f"book {slot}": value for slot, value in slots.items() if slot not in NO_SLOTS}


def _acts(acts: Mapping[str, Any], booked: str) -> Iterator[Act]:
    for act, slots in acts.items():
        domain, _, intent = act.lower().partition("-")
        if domain == "general" or (domain, intent) == ("booking", "inform"):
            continue  # the latter asks whether to book
        domain = booked if domain == "booking" else domain
        for slot, value in slots:
            if slot.lower() not in ("none", ""):
                yield Act(intent, _name(domain, slot), first_value(value, ""))


def _name(domain: str, slot: str) -> str:
    word = slot.lower()
    return slot_name(domain, OF_DOMAIN.get((domain, word), WORDS.get(word, word)))
