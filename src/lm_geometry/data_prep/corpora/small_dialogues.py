"""Short conversations by topic, in YAML."""

from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.rows import Row
from lm_geometry.workspace.section import read_yaml


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per turn of `TOPIC.yml`; columns document, topic, dialogue, turn.

    Conversations with the same opening are one document, since their texts are nearly the same.
    """
    for file in sorted(path.glob("*.yml")):
        openings: dict[str, int] = {}
        for number, turns in enumerate(read_yaml(file)["conversations"]):
            opening = openings.setdefault(str(turns[0]), len(openings))
            for turn, text in enumerate(turns):
                yield {
                    "text": str(text),
                    "document": f"{file.stem}-{opening}",
                    "topic": file.stem,
                    "dialogue": f"{file.stem}-{number}",
                    "turn": turn,
                }
