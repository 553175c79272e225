"""One experiment: its name, what it overrides, and all that its result depends on beside its code.

What several runs share is computed once where several run at a time. Experiments that start at the
same moment do not wait for each other: without an order, those with the same fine-tuning would all
run it. Preparing the data takes seconds and gives the same bytes each time, so that nobody waits
for that.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from lm_geometry.experiments.committed import Raw, committed_params, parsed
from lm_geometry.workspace.hashes import value_hash
from lm_geometry.workspace.section import ROOT

Overrides = dict[str, JsonValue]
EVALUATED = ("evaluate", "splits", "prompts")  # of data_prep: not of the training texts
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

    def command(self, *options: str, resets: Overrides | None = None) -> list[str]:
        """Its `dvc exp run`, as a list of words; `resets` are set before what it overrides."""
        words = ["dvc", "exp", "run", *options, "-n", self.name]
        for key, value in ((resets or {}) | self.overrides).items():
            words += ["-S", f"{key}={written(value)}"]
        return words

    def line(self, *options: str, resets: Overrides | None = None) -> str:
        """Its `dvc exp run`, to be copied into a shell."""
        return shlex.join(self.command(*options, resets=resets))


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


@dataclass(frozen=True)
class Project:
    """The committed params.yaml, and the catalogue's two files as they are.

    Nobody writes into them. What `dvc exp run -S` left in params.yaml is no part of an experiment.
    """

    params: Raw
    models: Raw
    corpora: Raw

    @classmethod
    def read(cls, root: Path = ROOT) -> "Project":
        """The parameters of the last commit, and the catalogue as it is now."""
        files = ("catalogue/models.yaml", "catalogue/corpora.yaml")
        catalogue = [parsed((root / file).read_text(encoding="utf-8")) for file in files]
        return cls(committed_params(root), *catalogue)

    def params_of(self, overrides: Overrides) -> Raw:
        """params.yaml as `dvc exp run -S` writes it; a key that it does not have is added."""
        found = self.params
        for key, value in overrides.items():
            *sections, last = key.split(".")
            new: Raw = {last: value}
            for name in reversed(sections):
                new = {name: new}
            found = _merged(found, new)
        return found

    def content(self, overrides: Overrides, sections: Sequence[str] = ()) -> Raw:
        """All that the result of an experiment depends on, its code apart.

        That are the parameters, with `sections` those of them alone, and the entries of the models
        and corpora that they name. A note says where an entry is from, and decides nothing.
        """
        every = self.params_of(overrides)
        params: Raw = {key: every.get(key) for key in sections or every}
        data = params.get("data_prep", {})
        prompts = data.get("prompts", {"count": 0})
        read = prompts if prompts["count"] != 0 else {}
        models = [params.get("model", {}).get("name"), *read.get("tokenizers", [])]
        corpora = [data.get("train"), *data.get("evaluate", []), read.get("corpus")]
        return {
            **params,
            "models": {name: _read(self.models.get(name)) for name in models if name},
            "corpora": {name: _read(self.corpora.get(name)) for name in corpora if name},
        }


def named(stem: str, content: Raw) -> str:
    """The name of an experiment, whose end tells all that its result depends on."""
    return f"{stem}-{value_hash(content)[:6]}"


def levels(experiments: list[Experiment], root: Path = ROOT) -> list[list[Experiment]]:
    """The experiments in the order of what they share: each waits for one of an earlier list.

    The first list has those that wait for nobody; in each, those that others wait for come first.
    """
    waits = awaited(experiments, root)
    awaiting = set(waits.values())
    found: list[list[Experiment]] = []
    for one in sorted(experiments, key=lambda one: one.name not in awaiting):
        depth, name = 0, one.name
        while name in waits:
            depth, name = depth + 1, waits[name]
        found += [[] for _ in range(depth + 1 - len(found))]
        found[depth].append(one)
    return found


def awaited(experiments: list[Experiment], root: Path = ROOT) -> dict[str, str]:
    """By the name of an experiment, that of the one which computes what it shares, if any does.

    That is the first with the same hidden states, or else the first with the same fine-tuning.
    """
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    project = Project.read(root)
    for one in experiments:
        params = project.params_of(one.overrides)
        for shared in (fine_tuning(params), states(params)):
            maker = first.setdefault(shared, one.name) if shared else one.name
            if maker != one.name:
                found[one.name] = maker
    return found


def fine_tuning(params: Raw) -> str:
    """What tells a fine-tuning from others; empty where there is none to share."""
    if params["finetune"]["task"] == "none":
        return ""
    data = {key: value for key, value in params["data_prep"].items() if key not in EVALUATED}
    # Pretrained weights are the same for every seed; batches and adapters have finetune.seed.
    seed = params["seed"] if params["model"]["weights"] == "random" else None
    return f"finetune {[seed, params['model'], data, params['finetune']]}"


def states(params: Raw) -> str:
    """What tells the hidden states of an experiment from those of others."""
    sections = ("seed", "model", "data_prep", "finetune", "embed")
    return f"embed {[params.get(name) for name in sections]}"


def _merged(old: Raw, new: Raw) -> Raw:
    inner = {key for key in old.keys() & new.keys() if isinstance(old[key], dict)}
    both = {key: _merged(old[key], new[key]) for key in inner if isinstance(new[key], dict)}
    return old | new | both


def _read(entry: Raw | None) -> Raw:
    return {key: value for key, value in (entry or {}).items() if key != "note"}


def names_in(section: Raw, prefix: str = "") -> set[str]:
    """Every key of params.yaml with its section, inner sections themselves included."""
    inner = [
        names_in(own, f"{prefix}{key}.") for key, own in section.items() if isinstance(own, dict)
    ]
    return {f"{prefix}{key}" for key in section}.union(*inner)
