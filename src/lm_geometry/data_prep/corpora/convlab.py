"""Dialogues in the unified format of ConvLab-3."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.json_files import member, parsed
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.data_prep.corpora.states import (
    Act,
    State,
    Turn,
    first_value,
    slot_name,
    state_columns,
    tracked,
)
from lm_geometry.data_prep.corpora.tags import Span, bio_tags, words_of

KINDS = ("categorical", "non-categorical", "binary")  # of acts
EMOWOZ = {  # emotions of users, by the numbers that EmoWOZ gives them
    "0": "neutral",
    "1": "fearful",
    "2": "dissatisfied",
    "3": "apologetic",
    "4": "abusive",
    "5": "excited",
    "6": "satisfied",
}


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per utterance of `data.zip`, `dialogues.json` or any JSON list of such dialogues.

    Columns: document (dialogue id), original_id, turn, speaker, split, domains (joined by
    spaces), those of states on user turns (see `states`) and emotion (empty where a turn has none),
    which is the label, by its name where EmoWOZ numbers it; words with BIO tags `domain-slot` of
    the values that dialogue acts find in the text.
    """
    dialogues = _dialogues(path)
    domains = _domains(path, dialogues)
    for dialogue in dialogues:
        states = state_columns(_turn(turn, domains) for turn in dialogue["turns"])
        for turn, columns in zip(dialogue["turns"], states, strict=True):
            feeling = emotion(turn.get("emotion", ""))
            yield {
                "text": turn["utterance"],
                "document": dialogue["dialogue_id"],
                "original_id": dialogue["original_id"],
                "turn": turn["utt_idx"],
                "speaker": turn["speaker"],
                "split": dialogue["data_split"],
                "domains": " ".join(dialogue["domains"]),
                **columns,
                "emotion": feeling,
                "label": feeling,
                "words": words_of(turn["utterance"]),
                "tags": bio_tags(turn["utterance"], _spans(turn)),
            }


def ontology(path: Path) -> dict[str, list[str]]:
    """Slots of the states that `ontology.json` beside the dialogues names, by domain.

    Those that are not categorical have no values, as their values are free. Empty where there is
    no such file, as beside a plain list of dialogues.
    """
    listed = _listed(path)
    found: dict[str, list[str]] = {}
    for domain in tracked(listed.get("state", {})):
        described = listed["domains"][domain]["slots"]
        for slot in listed["state"][domain]:
            facts = described.get(slot, {})
            values = facts.get("possible_values", []) if facts.get("is_categorical") else []
            found[slot_name(domain, slot)] = list(values)
    return found


def emotion(value: str | list[dict[str, Any]]) -> str:
    """The label of a turn; of several annotators' labels the one they settled on.

    That one stands under `final`, else it is the `emotion` of the last note. EmoWOZ numbers its
    labels, which are given by their names.
    """
    if not isinstance(value, list):
        return str(value)
    settled = [note["final"] for note in value if "final" in note]
    settled = settled or [note["emotion"] for note in value if "emotion" in note][-1:]
    if not settled:
        return json.dumps(value, ensure_ascii=False) if value else ""
    return EMOWOZ.get(str(settled[0]), str(settled[0]))


def _listed(path: Path) -> dict[str, Any]:
    """What `ontology.json` holds, empty where there is none."""
    content = _content(path, "ontology.json") if path.is_dir() or path.suffix == ".zip" else None
    return {} if content is None else parsed(content, path)


def _domains(path: Path, dialogues: list[dict[str, Any]]) -> set[str]:
    """The domains that are tracked in all dialogues: a turn may name one that others leave out."""
    turns = (turn for dialogue in dialogues for turn in dialogue["turns"])
    spoken = {domain for turn in turns for domain in turn.get("state") or {}}
    return set(tracked(spoken.union(_listed(path).get("state", {}))))


def _turn(turn: dict[str, Any], domains: Collection[str]) -> Turn:
    """What a turn says, with the states of these domains."""
    acts = [
        Act(act["intent"].lower(), slot_name(act["domain"], act["slot"]), act.get("value", ""))
        for kind in KINDS
        for act in (turn.get("dialogue_acts") or {}).get(kind, [])
        if act.get("slot")
    ]
    if turn["speaker"] != "user" or turn.get("state") is None:
        return Turn(None, acts)
    states: dict[str, State] = {}
    for domain, slots in turn["state"].items():
        if domain not in domains:
            continue
        named = {slot_name(domain, slot): first_value(slots[slot]) for slot in slots}
        states[domain] = {slot: value for slot, value in named.items() if value}
    return Turn(states, acts)


def _spans(turn: dict[str, Any]) -> Iterator[Span]:
    """Where the values of a turn's acts stand in its text; most categorical ones stand nowhere."""
    acts = turn.get("dialogue_acts") or {}
    for kind in ("categorical", "non-categorical"):
        for act in acts.get(kind, []):
            if "start" in act and "end" in act:
                yield act["start"], act["end"], f"{act['domain']}-{act['slot']}"


def _dialogues(path: Path) -> list[dict[str, Any]]:
    content = _content(path, "dialogues.json")
    if content is None:
        raise ValueError(f"{path} has no dialogues.json")
    found = parsed(content, path)
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and "turns" in one for one in found
    ):
        raise ValueError(f"{path} is not a list of dialogues in ConvLab-3's unified format")
    return found


def _content(path: Path, name: str) -> bytes | None:
    """A file of a folder or an archive, or the file `path` itself; None where it is not there."""
    if path.is_dir():
        path = path / name
        return path.read_bytes() if path.exists() else None
    if path.suffix != ".zip":
        return path.read_bytes()
    return member(path, name)
