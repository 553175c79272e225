"""The step of a training run, read from the name of a revision or of a checkpoint's folder."""

import re
from pathlib import PurePosixPath

KNOWN = re.compile(r"(?:step|checkpoint|ckpt)s?[-_=]?(\d+)", re.IGNORECASE)  # step1000-tokens2B
NUMBER = re.compile(r"\d+")


def is_pattern(name: str) -> bool:
    """Whether a name stands for several."""
    return any(character in name for character in "*?[")


def step_of(name: str) -> int:
    """The step that a name tells; of a path its last part that has a number.

    Raises ValueError where none does, or where one has several and no word says which.
    """
    for part in reversed(PurePosixPath(name).parts):
        if found := KNOWN.search(part):
            return int(found[1])
        numbers = NUMBER.findall(part)
        if len(numbers) == 1:
            return int(numbers[0])
        if numbers:
            break
    raise ValueError(f"{name!r} tells no step: names such as step1000 or checkpoint-500 do")
