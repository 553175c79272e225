"""The Schema-Guided Dialogue data in its original format."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.data_prep.corpora.tags import Span, bio_tags, words_of

SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per utterance of `{train,dev,test}/dialogues_*.json[.gz]` in the folder `path`.

    Columns: document (split and dialogue id), turn, speaker, split (dev is validation), domains
    (services), state (JSON, service to state; empty for system turns); words with BIO tags
    `service-slot`.
    """
    found = False
    for folder, split in SPLITS.items():
        for file in sorted((path / folder).glob("dialogues_*.json*")):
            found = True
            for dialogue in _read(file):
                yield from _turns(dialogue, split)
    if not found:
        raise ValueError(f"{path} has no train, dev or test folder with dialogues_*.json")


def _turns(dialogue: dict[str, Any], split: str) -> Iterator[Row]:
    for number, turn in enumerate(dialogue["turns"]):
        states = {frame["service"]: frame["state"] for frame in turn["frames"] if "state" in frame}
        yield {
            "text": turn["utterance"],
            # Numbers start again in each split.
            "document": f"{split}-{dialogue['dialogue_id']}",
            "turn": number,
            "speaker": turn["speaker"].lower(),
            "split": split,
            "domains": " ".join(dialogue["services"]),
            "state": json.dumps(states, ensure_ascii=False) if states else "",
            "words": words_of(turn["utterance"]),
            "tags": bio_tags(turn["utterance"], _spans(turn)),
        }


def _spans(turn: dict[str, Any]) -> Iterator[Span]:
    for frame in turn["frames"]:
        for slot in frame.get("slots", []):
            yield slot["start"], slot["exclusive_end"], f"{frame['service']}-{slot['slot']}"


def _read(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
        return json.load(opened)
