"""Heads of a class that transformers does not have, on a body that it has.

Such a checkpoint (`RobertaForDST` on a RoBERTa) is read by its own weights: those of the body are
loaded, and those of its heads are not used, and told.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def is_foreign(config: "PreTrainedConfig") -> bool:
    """Whether a config names classes, and none of them is one of transformers."""
    import transformers

    names = config.architectures or []
    return bool(names) and not any(hasattr(transformers, name) for name in names)


def heads(
    config: "PreTrainedConfig", own: Iterable[str], unexpected: Iterable[str], body: str
) -> list[str]:
    """Which weights without a place belong to heads of a foreign class; none for other classes.

    `own` are the names of the model's weights, and `body` is the prefix of its blocks. A weight of
    the body, or of a block that the config does not count, is named like one of the model's.
    """
    if not is_foreign(config):
        return []
    patterns = {_pattern(name) for name in own}
    patterns |= {pattern.removeprefix(body) for pattern in patterns}
    return [
        name
        for name in unexpected
        if not name.startswith(body)
        and not any(_pattern(f".{name}").endswith(f".{pattern}") for pattern in patterns)
    ]


def told(names: list[str], owner: str, config: "PreTrainedConfig") -> str:
    """A line about heads that are not used."""
    classes = ", ".join(config.architectures or [])
    return (
        f"{owner} is a {classes}, which transformers does not have: its {config.model_type} is "
        f"read, and {len(names)} weights of its heads are not used, such as {names[0]}"
    )


def _pattern(name: str) -> str:
    """The name of a weight, whatever the numbers in it."""
    return ".".join("*" if part.isdecimal() else part for part in name.split("."))
