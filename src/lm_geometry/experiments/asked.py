"""What was typed as `-S key=value`, checked in full before anything runs.

DVC's `-S` has Hydra's grammar, and asks for a plus before a name that it does not know.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAMLError

from lm_geometry.experiments.committed import Differences, Raw, differences
from lm_geometry.experiments.experiment import Project, names_in, written
from lm_geometry.experiments.in_git import there
from lm_geometry.params.agreement.resolved import read_resolved
from lm_geometry.params.check import check
from lm_geometry.params.explain import nearest
from lm_geometry.revisions.programs import git
from lm_geometry.workspace.section import ROOT, read_yaml

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")


@dataclass(frozen=True)
class Asked:
    """Overrides that are valid: their words for DVC, what they make otherwise, and of what."""

    words: tuple[str, ...]
    differs: Differences
    params: Raw  # all of them, with the overrides


def asked(words: Sequence[str], root: Path = ROOT) -> Asked:
    """The overrides of the committed parameters, each `key=value` in Hydra's grammar.

    Raises ValueError with a sentence for each that is wrong: a name that is unknown, with the
    nearest; values that are not valid, or do not go with each other or with the catalogue.
    """
    project = Project.read(root)
    keys = [_key(word, project) for word in words]
    if wrong := [text for _, text in keys if text]:
        raise ValueError("\n".join(wrong))
    values = [_value(word) for word in words]
    overrides = {key: value for (key, _), value in zip(keys, values, strict=True)}
    params = project.params_of(overrides)
    resolved = read_resolved(params, root, project.models)
    check(params, project.models, project.corpora, root, resolved=resolved)
    differs = differences(params, project.params)
    if empty := [name for name, (now, _) in differs.items() if now in ([], {})]:
        raise ValueError(
            f"{empty[0]}: DVC cannot write an empty list with -S: edit params.yaml and commit it"
        )
    told = [
        word
        for word, (key, _) in zip(words, keys, strict=True)
        if any(f"{name}.".startswith(f"{key}.") for name in differs)
    ]
    return Asked(tuple(told), differs, params)


def with_files(words: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Overrides, and before them those of YAML files (`KEY: VALUE`) that none of them overrides.

    Raises ValueError for a file that is not YAML, or no mapping of dotted names.
    """
    found: dict[str, str] = {}
    for file in files:
        try:
            content = read_yaml(file)
        except YAMLError as error:
            raise ValueError(f"--from: {error}") from None
        if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
            raise ValueError(f"--from: {file} has no lines KEY: VALUE, such as finetune.steps: 10")
        found |= {key: f"{key}={written(value)}" for key, value in content.items()}
    typed = {word.partition("=")[0].lstrip("+") for word in words}
    return [word for key, word in found.items() if key not in typed] + list(words)


def free_name(name: str, replace: bool = False, root: Path = ROOT) -> None:
    """Raises ValueError for a name that git and DVC do not take, or that one of HEAD's has."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of an experiment: it begins with a letter or digit, and has only "
            "letters, digits, . _ and -"
        )
    if git(root, "rev-parse", "HEAD").strip() in there(name, root) and not replace:
        raise ValueError(
            f"the last commit has an experiment {name} already: `lm-geometry result {name}` prints "
            "its result; --replace runs another in its place"
        )


def _key(word: str, project: Project) -> tuple[str, str]:
    """The dotted name of an override, and what is wrong with it."""
    key, equals, _ = word.partition("=")
    if not equals or word.startswith("~"):
        return key, f"{word}: an override is KEY=VALUE, and the experiment's name stands before -S"
    name, known = key.lstrip("+"), names_in(project.params)
    parent = name.rpartition(".")[0]
    if name in known or (key != name and parent in known):
        return name, ""
    return name, f"{name}: unknown parameter{nearest(name, sorted(known))}"


def _value(word: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        found = OverridesParser.create().parse_override(word)
        value = found.value()
    except HydraException as error:
        told = str(error).splitlines()[0]
        raise ValueError(
            f"{word}: {told}\nquote a text with other signs twice: -S 'KEY=\"a: b\"'"
        ) from None
    if found.is_sweep_override():
        raise ValueError(
            f"{word}: several values are several experiments: `dvc exp run --queue` makes them"
        )
    return value
