"""One experiment: its name, what it overrides, and its line of `dvc exp run`."""

import re
import shlex
from dataclasses import dataclass

from pydantic import JsonValue

Overrides = dict[str, JsonValue]
CASE = "case"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "null", "nan", "inf"}


@dataclass(frozen=True)
class Experiment:
    """One run of the pipeline, by the name that `dvc exp show` lists."""

    name: str
    overrides: Overrides
    case: str = ""

    def value(self, name: str) -> JsonValue:
        """What the study sets a parameter to, or the name of the case; None where it does not."""
        return self.case if name == CASE else self.overrides.get(name)

    def command(self, *options: str) -> list[str]:
        """Its `dvc exp run`, as a list of words."""
        words = ["dvc", "exp", "run", *options, "-n", self.name]
        for key, value in self.overrides.items():
            words += ["-S", f"{key}={written(value)}"]
        return words

    def line(self, *options: str) -> str:
        """Its `dvc exp run`, to be copied into a shell."""
        return shlex.join(self.command(*options))


def written(value: JsonValue) -> str:
    """`value` as DVC's `-S` reads it: Hydra's grammar, in which odd strings need quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{written(item)}" for key, item in value.items()) + "}"
    if not isinstance(value, str) or (_PLAIN.fullmatch(value) and value.lower() not in _WORDS):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
