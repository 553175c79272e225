"""EmoWOZ 2.0: how the system behaves in each of its turns of MultiWOZ, as their label."""

from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.json_files import parsed
from lm_geometry.data_prep.corpora.rows import Row

NAMES = ("neutral", "compassionate", "apologetic", "enthusiastic", "appreciative")  # by number


def with_conduct(rows: list[Row], path: Path) -> Iterator[Row]:
    """The rows of MultiWOZ with a column `label`, the name of a class; empty on user turns.

    `path` is `emowoz_2.0.json`, an object `DIALOGUE.json-INDEX` to the number of a class, where the
    index is that of the turn in its dialogue. Raises ValueError for another file, and one that has
    no label for any of the dialogues.
    """
    labels = _labels(path)
    named = {f"{row['document']}.json-{row['turn']}" for row in rows}
    if not named & labels.keys():
        raise ValueError(
            f"{path} labels no turn of these dialogues: its {len(labels)} keys are such as "
            f"{next(iter(labels), '')!r}, and theirs such as {min(named, default='')!r}"
        )
    for row in rows:
        number = labels.get(f"{row['document']}.json-{row['turn']}")
        yield {**row, "label": "" if number is None else NAMES[number]}


def _labels(path: Path) -> dict[str, int]:
    found = parsed(path.read_bytes(), path)
    classes = set(range(len(NAMES)))
    if not isinstance(found, dict) or not classes.issuperset(found.values()):
        raise ValueError(
            f"{path} is not EmoWOZ 2.0: it must be an object of DIALOGUE.json-INDEX to a class, "
            f"0 to {len(NAMES) - 1}"
        )
    return found
