"""MultiWOZ in its original format."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from lm_geometry.data_prep.corpora import multiwoz_states
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.json_files import member, parsed
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.data_prep.corpora.states import state_columns
from lm_geometry.data_prep.corpora.tags import Span, bio_tags, span_of_words, words_of

SPLITS = {"train": "train", "val": "validation", "test": "test"}


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per utterance; `path` is the folder of the files.

    The files are `{train,val,test}.json[.zip]`, or one `data.json[.zip]` that `valListFile` and
    `testListFile` divide. Columns: document (dialogue id), turn, speaker, split, domains (of the
    user's goal), those of states on user turns (see `states`; a state is what the system reports
    after it heard the turn); words with BIO tags `domain-slot`, in small letters, where the data
    have `span_info` (2.1 and later).
    """
    for split, dialogues in _splits(path):
        for name, dialogue in dialogues.items():
            domains = [domain for domain, goal in dialogue["goal"].items() if _is_goal(goal)]
            states = state_columns(multiwoz_states.turns(dialogue["log"]))
            for turn, (said, columns) in enumerate(zip(dialogue["log"], states, strict=True)):
                yield {
                    "text": said["text"],
                    "document": name.removesuffix(".json"),
                    "turn": turn,
                    "speaker": "system" if turn % 2 else "user",
                    "split": split,
                    "domains": " ".join(sorted(domains)),
                    **columns,
                    "words": words_of(said["text"]),
                    "tags": bio_tags(said["text"], _spans(said)),
                }


def ontology(path: Path) -> dict[str, list[str]]:
    """Slots with the values that the data list for them; empty where no file does."""
    return multiwoz_states.ontology(path)


def _is_goal(goal: JsonValue) -> bool:
    """Whether a part of the goal is a domain with something to do; the rest is its wording."""
    return isinstance(goal, dict) and any(key in goal for key in ("info", "reqt", "book"))


def _spans(said: dict[str, Any]) -> Iterator[Span]:
    """Characters of the marked values, which the data count in words, both ends included."""
    for act, slot, _, first, last in said.get("span_info", []):
        domain = act.partition("-")[0]
        yield *span_of_words(said["text"], first, last), f"{domain}-{slot}".lower()


def _splits(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    found = False
    for stem, split in SPLITS.items():
        dialogues = _read(folder, stem)
        if dialogues is not None:
            found = True
            yield split, dialogues
    whole = None if found else _read(folder, "data")
    if whole is not None:
        yield from _divided(folder, whole).items()
    elif not found:
        raise ValueError(f"{folder} has neither val.json[.zip] nor data.json[.zip]")


def _divided(folder: Path, dialogues: dict[str, Any]) -> dict[str, dict[str, Any]]:
    split_of = {
        name.removesuffix(".json"): SPLITS[stem]
        for stem in ("val", "test")
        for name in _list(folder, stem)
    }
    parts: dict[str, dict[str, Any]] = {split: {} for split in SPLITS.values()}
    for name, dialogue in dialogues.items():
        parts[split_of.get(name.removesuffix(".json"), "train")][name] = dialogue
    return parts


def _list(folder: Path, stem: str) -> list[str]:
    """Dialogue ids of a split; published as valListFile, .txt or (a plain list too) .json."""
    for suffix in ("", ".txt", ".json"):
        file = folder / f"{stem}ListFile{suffix}"
        if file.exists():
            return file.read_text(encoding="utf-8").split()
    raise ValueError(f"{folder} has no {stem}ListFile, which divides data.json")


def _read(folder: Path, stem: str) -> dict[str, Any] | None:
    plain, packed = folder / f"{stem}.json", folder / f"{stem}.json.zip"
    if plain.exists():
        return parsed(plain.read_bytes(), plain)
    content = member(packed, f"{stem}.json") if packed.exists() else None
    return None if content is None else parsed(content, packed)
