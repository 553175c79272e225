"""Every error of params.yaml and the catalogue at once, in under a second."""

import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAMLError

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.models.catalogue import ALIAS, ModelEntry
from lm_geometry.params import agreement
from lm_geometry.params.explain import nearest, sentences
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import ROOT, read_yaml

Entry = TypeVar("Entry", bound=BaseModel)


class ParamsError(ValueError):
    """params.yaml or the catalogue is not valid; the text has a line for each error."""


def check(root: Path = ROOT) -> Params:
    """The validated params.yaml of `root`; raises `ParamsError` with all that is wrong."""
    raw, errors = _read(root / "params.yaml")
    models = _catalogue(root, "models.yaml", ModelEntry, errors)
    corpora = _catalogue(root, "corpora.yaml", Corpus, errors)
    sections = _sections(raw, errors)
    errors += agreement.disagreements(sections, models, corpora, root)
    if errors:
        raise ParamsError("\n".join(errors))
    return Params(seed=raw.get("seed", 0), **sections)


def check_or_exit(root: Path = ROOT) -> Params:
    """`check`, which on errors prints them and exits with 1."""
    try:
        return check(root)
    except ParamsError as error:
        print(f"Nothing was run: the parameters are not valid.\n{error}", file=sys.stderr)
        raise SystemExit(1) from None


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        found = read_yaml(path)
    except (OSError, YAMLError) as error:
        return {}, [f"{path.name}: cannot be read: {error}"]
    if not isinstance(found, dict):
        return {}, [f"{path.name}: holds a {type(found).__name__}, not a mapping of names"]
    return found, []


def _sections(raw: dict[str, Any], errors: list[str]) -> dict[str, Any]:
    fields = Params.model_fields
    for key in raw:
        if key not in fields:
            errors.append(f"params.yaml: {key}: unknown section{nearest(str(key), list(fields))}")
    seed = raw.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        errors.append(f"params.yaml: seed: {seed!r} is not valid: a whole number from 0")
    valid = {}
    for name, field in fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            try:
                valid[name] = field.annotation.model_validate(raw.get(name) or {})
            except ValidationError as error:
                errors += sentences(error, field.annotation, f"params.yaml: {name}.")
    return valid


def _catalogue(root: Path, file: str, model: type[Entry], errors: list[str]) -> dict[str, Entry]:
    raw, unreadable = _read(root / "catalogue" / file)
    errors += unreadable
    entries = {}
    for alias, entry in raw.items():
        if not ALIAS.fullmatch(str(alias)):
            errors.append(f"catalogue/{file}: {alias}: an alias has only a-z, 0-9 and -")
        try:
            entries[alias] = model.model_validate(entry)
        except ValidationError as error:
            errors += sentences(error, model, f"catalogue/{file}: {alias}.")
    return entries
