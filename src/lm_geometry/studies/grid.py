"""The experiments of a study: their names, and their lines of `dvc exp run`."""

import itertools
import re
import shlex
from dataclasses import dataclass
from typing import Any

from lm_geometry.studies.definition import CASE, Overrides, Study

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "null", "nan", "inf"}


@dataclass(frozen=True)
class Experiment:
    """One run of the pipeline, by the name that `dvc exp show` lists."""

    name: str
    overrides: Overrides
    case: str = ""

    def value(self, name: str) -> Any:
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


def experiments(name: str, study: Study) -> list[Experiment]:
    """Every experiment of a study, in its order; raises ValueError where two share a name."""
    found = []
    for case, own in (study.cases or {"": {}}).items():
        for values in itertools.product(*study.grid.values()):
            cell = dict(zip(study.grid, values, strict=True))
            parts = [case, *(f"{_last(key)}-{_short(value)}" for key, value in cell.items())]
            full = "-".join([name, *filter(None, parts)])
            found.append(Experiment(full, study.replaced(study.fixed | own | cell), case))
    for one, other in itertools.combinations(found, 2):
        if one.name == other.name:
            raise ValueError(f"studies/{name}.yaml: two experiments are named {one.name}")
    return found


def made_first(name: str, study: Study) -> dict[str, Experiment]:
    """The experiments whose checkpoints become models of the catalogue, by the model's alias."""
    return {
        alias: Experiment(f"{name}-{alias}", study.replaced(kept.overrides))
        for alias, kept in study.models.items()
    }


def written(value: Any) -> str:
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


def _last(key: str) -> str:
    return key.rpartition(".")[2].replace("_", "-")


def _short(value: Any) -> str:
    """A value in a name: `[3, 6]` is `3-6`."""
    items = value if isinstance(value, list) else [value]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(map(str, items)).lower()).strip("-.") or "none"
