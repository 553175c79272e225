"""The Schema-Guided Dialogue data in its original format."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.json_files import bounded, parsed
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.data_prep.corpora.states import Act, State, Turn, slot_name, state_columns
from lm_geometry.data_prep.corpora.tags import Span, bio_tags, words_of

SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per utterance of `{train,dev,test}/dialogues_*.json[.gz]` in the folder `path`.

    Columns: document (split and dialogue id), turn, speaker, split (dev is validation), domains
    (services), those of states on user turns (see `states`; a service that a turn does not speak
    of keeps its state); words with BIO tags `service-slot`.
    """
    found = False
    for folder, split in SPLITS.items():
        for file in sorted((path / folder).glob("dialogues_*.json*")):
            found = True
            for dialogue in _read(file):
                yield from _turns(dialogue, split)
    if not found:
        raise ValueError(f"{path} has no train, dev or test folder with dialogues_*.json")


def ontology(path: Path) -> dict[str, list[str]]:
    """Every slot of the services in `schema.json` of each split; values of categorical slots.

    Empty where there is no such file.
    """
    found: dict[str, list[str]] = {}
    for file in (path / split / "schema.json" for split in SPLITS):
        for service in parsed(file.read_bytes(), file) if file.exists() else []:
            for slot in service["slots"]:
                values = found.setdefault(slot_name(service["service_name"], slot["name"]), [])
                if slot["is_categorical"]:
                    values += [new for new in slot["possible_values"] if new not in values]
    return found


def _turn(turn: dict[str, Any]) -> Turn:
    """The state of a user turn and the acts of either side; of several values the first."""
    frames = turn["frames"]
    acts = [
        Act(act["act"].lower(), slot_name(frame["service"], act["slot"]), _first(act["values"]))
        for frame in frames
        for act in frame.get("actions", [])
        if act["slot"]
    ]
    if turn["speaker"].lower() != "user":
        return Turn(None, acts)
    states: dict[str, State] = {}
    for frame in frames:
        slots = frame.get("state", {}).get("slot_values", {})
        named = {slot_name(frame["service"], slot): _first(slots[slot]) for slot in slots}
        if "state" in frame:
            states[frame["service"]] = {slot: value for slot, value in named.items() if value}
    return Turn(states, acts)


def _first(values: list[str]) -> str:
    return values[0] if values else ""


def _turns(dialogue: dict[str, Any], split: str) -> Iterator[Row]:
    states = state_columns(map(_turn, dialogue["turns"]))
    for number, (turn, columns) in enumerate(zip(dialogue["turns"], states, strict=True)):
        yield {
            "text": turn["utterance"],
            # Numbers start again in each split.
            "document": f"{split}-{dialogue['dialogue_id']}",
            "turn": number,
            "speaker": turn["speaker"].lower(),
            "split": split,
            "domains": " ".join(dialogue["services"]),
            **columns,
            "words": words_of(turn["utterance"]),
            "tags": bio_tags(turn["utterance"], _spans(turn)),
        }


def _spans(turn: dict[str, Any]) -> Iterator[Span]:
    for frame in turn["frames"]:
        for slot in frame.get("slots", []):
            yield slot["start"], slot["exclusive_end"], f"{frame['service']}-{slot['slot']}"


def _read(file: Path) -> list[dict[str, Any]]:
    opening = gzip.open if file.suffix == ".gz" else open
    with opening(file, "rb") as opened:
        return parsed(bounded(opened, file), file)
