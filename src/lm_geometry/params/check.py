"""Every error of params.yaml and the catalogue at once, in under a second."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAMLError

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.models.catalogue import ALIAS, ModelEntry
from lm_geometry.params import agreement
from lm_geometry.params.agreement.bounds import LAST_SEED
from lm_geometry.params.agreement.resolved import read_resolved
from lm_geometry.params.explain import nearest, sentences
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import ROOT, read_yaml

Entry = TypeVar("Entry", bound=BaseModel)
Raw = dict[str, Any]  # as YAML gives it


class ParamsError(ValueError):
    """params.yaml or the catalogue is not valid; the text has a line for each error."""


def check(
    raw: Raw,
    models: Raw,
    corpora: Raw,
    root: Path = ROOT,
    errors: Sequence[str] = (),
    resolved: Raw | None = None,
    prepared: bool = False,
) -> Params:
    """The validated parameters, from the mappings in params.yaml and the catalogue's two files.

    Raises `ParamsError` with all that is wrong, `errors` first. No file is read but, where they are
    `prepared`, what describes the corpora of these parameters; that a `file:` is there is looked
    up, a relative one below `root`. `resolved` are the facts of the model, as
    data-prep found them.
    """
    found = list(errors)
    known = _entries(models, "models.yaml", ModelEntry, found)
    texts = _entries(corpora, "corpora.yaml", Corpus, found)
    sections = _sections(raw, found)
    found += agreement.disagreements(sections, known, texts, root, resolved, prepared)
    if found:
        raise ParamsError("\n".join(found))
    return Params(seed=raw.get("seed", 0), **sections)


def check_project(root: Path = ROOT, prepared: bool = False) -> Params:
    """`check` of the files of a project; what cannot be read is an error as well."""
    files = ("params.yaml", "catalogue/models.yaml", "catalogue/corpora.yaml")
    (raw, models, corpora), errors = zip(*(_read(root / file) for file in files), strict=True)
    told = [line for lines in errors for line in lines]
    resolved = read_resolved(raw, root, models)
    return check(raw, models, corpora, root, told, resolved, prepared)


def check_or_exit(root: Path = ROOT, prepared: bool = False) -> Params:
    """`check_project`, which on errors prints them and exits with 1."""
    try:
        return check_project(root, prepared)
    except ParamsError as error:
        print(f"Nothing was run: the parameters are not valid.\n{error}", file=sys.stderr)
        raise SystemExit(1) from None


def _read(path: Path) -> tuple[Raw, list[str]]:
    try:
        found = read_yaml(path)
    except (OSError, YAMLError) as error:
        return {}, [f"{path.name}: cannot be read: {error}"]
    if not isinstance(found, dict):
        return {}, [f"{path.name}: holds a {type(found).__name__}, not a mapping of names"]
    return found, []


def _sections(raw: Raw, errors: list[str]) -> dict[str, Any]:
    fields = Params.model_fields
    for key in raw:
        if key not in fields:
            errors.append(f"params.yaml: {key}: unknown section{nearest(str(key), list(fields))}")
    seed = raw.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LAST_SEED:
        errors.append(f"params.yaml: seed: {seed!r} is not valid: a whole number from 0 to 2**32-1")
    valid = {}
    for name, field in fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            given = raw.get(name)
            try:
                valid[name] = field.annotation.model_validate({} if given is None else given)
            except ValidationError as error:
                errors += sentences(error, field.annotation, f"params.yaml: {name}.")
    return valid


def _entries(raw: Raw, file: str, model: type[Entry], errors: list[str]) -> dict[str, Entry]:
    entries = {}
    for alias, entry in raw.items():
        if not ALIAS.fullmatch(str(alias)):
            errors.append(f"catalogue/{file}: {alias}: an alias has only a-z, 0-9 and -")
        try:
            entries[alias] = model.model_validate(entry)
        except ValidationError as error:
            errors += sentences(error, model, f"catalogue/{file}: {alias}.")
    return entries
