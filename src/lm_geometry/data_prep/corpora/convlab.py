"""Dialogues in the unified format of ConvLab-3."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.data_prep.corpora.tags import Span, bio_tags, words_of


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per utterance of `data.zip`, `dialogues.json` or any JSON list of such dialogues.

    Columns: document (dialogue id), original_id, turn, speaker, split, domains (joined by
    spaces), state (JSON; empty where a turn has none) and emotion (empty likewise), which is the
    label; words with BIO tags `domain-slot` of the values that dialogue acts find in the text.
    """
    for dialogue in _dialogues(path):
        for turn in dialogue["turns"]:
            state = turn.get("state")
            feeling = emotion(turn.get("emotion", ""))
            yield {
                "text": turn["utterance"],
                "document": dialogue["dialogue_id"],
                "original_id": dialogue["original_id"],
                "turn": turn["utt_idx"],
                "speaker": turn["speaker"],
                "split": dialogue["data_split"],
                "domains": " ".join(dialogue["domains"]),
                "state": json.dumps(state, ensure_ascii=False) if state else "",
                "emotion": feeling,
                "label": feeling,
                "words": words_of(turn["utterance"]),
                "tags": bio_tags(turn["utterance"], _spans(turn)),
            }


def emotion(value: str | list[dict[str, str]]) -> str:
    """The label of a turn; of several annotators' labels the one they settled on, `final`."""
    if isinstance(value, list):
        settled = [note["final"] for note in value if "final" in note]
        value = settled[0] if settled else json.dumps(value, ensure_ascii=False)
    return str(value)


def _spans(turn: dict[str, Any]) -> Iterator[Span]:
    """Where the values of a turn's acts stand in its text; most categorical ones stand nowhere."""
    acts = turn.get("dialogue_acts") or {}
    for kind in ("categorical", "non-categorical"):
        for act in acts.get(kind, []):
            if "start" in act and "end" in act:
                yield act["start"], act["end"], f"{act['domain']}-{act['slot']}"


def _dialogues(path: Path) -> list[dict[str, Any]]:
    if path.is_dir():
        path = path / "dialogues.json"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith("dialogues.json")]
            if not members:
                raise ValueError(f"{path} has no dialogues.json")
            found = json.loads(archive.read(members[0]))
    else:
        found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, list) or (found and "turns" not in found[0]):
        raise ValueError(f"{path} is not a list of dialogues in ConvLab-3's unified format")
    return found
