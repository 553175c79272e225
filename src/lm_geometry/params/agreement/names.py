"""The names of models and corpora, and what the catalogue knows of them."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from lm_geometry.data_prep.corpora.catalogue import resolve
from lm_geometry.models.local_files import SourceError, advice, local_path
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.explain import nearest
from lm_geometry.params.sections import Params
from lm_geometry.workspace.paths import COLUMNS, columns_of, source_and_name

SCHEMES = ("hub:", "file:")


def model_is_known(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model is an alias of the catalogue, or a file that is there."""
    there = list(catalogue.models)
    yield from _unknown("model.name", params.model.name, "models", there, catalogue.root)


def tokenizers_are_known(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Every model under which prompts must be long enough is known, as the run's own must be."""
    for i, name in enumerate(params.data_prep.prompts.tokenizers):
        key = f"data_prep.prompts.tokenizers.{i}"
        yield from _unknown(key, name, "models", list(catalogue.models), catalogue.root)


def corpora_are_known(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Every corpus is an alias of the catalogue, or a file that is there."""
    data = params.data_prep
    named = [("data_prep.train", data.train)]
    named += [(f"data_prep.evaluate.{i}", name) for i, name in enumerate(data.evaluate)]
    named += [("data_prep.prompts.corpus", data.prompts.corpus)]
    for key, name in named:
        source, given = source_and_name(name)
        if wrong := _no_column(source):
            yield f"{key}: {name!r}: {wrong}"
            continue
        yield from _unknown(key, source, "corpora", list(catalogue.corpora), catalogue.root)
        if given in catalogue.corpora:
            yield f"{key}: {given} is an alias of catalogue/corpora.yaml: name the file otherwise"
        yield from _not_of_a_line(key, name, given)


def _not_of_a_line(key: str, name: str, given: str) -> Iterator[str]:
    """What follows a path and is neither a name nor a column of a corpus."""
    if not name.startswith(SCHEMES):
        return
    if not given and " as " in name:
        yield f"{key}: {name!r}: a name after `as` has only a-z, 0-9 and -"
    elif columns_of(name):
        try:
            resolve(name)
        except ValidationError as error:
            yield f"{key}: {name!r}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"


def _no_column(source: str) -> str:
    """What is wrong with what a line has behind commas; empty where nothing is."""
    wrong = re.search(r",\s*(\w+)\s*=", source) if source.startswith(SCHEMES) else None
    if wrong is None:
        return ""
    return f"{wrong[1]} is no column that a line names{nearest(wrong[1], [*COLUMNS])}"


def _unknown(key: str, name: str, catalogue: str, there: list[str], root: Path) -> Iterator[str]:
    if name not in there and re.match(r"~|\.{0,2}/|[^:]+\.(jsonl|csv|tsv|parquet|txt|gguf)", name):
        yield f"{key}: {name!r}: a path is written as file:{name}"
    elif not name.startswith(SCHEMES) and name not in there:
        yield f"{key}: {name!r} is not in catalogue/{catalogue}.yaml{nearest(name, there)}"
    elif name.startswith("file:"):
        location = name.removeprefix("file:")
        try:
            path = local_path(location, root)
        except SourceError as error:
            yield f"{key}: {error}"
            return
        if not path.exists():
            yield f"{key}: there is no {path}{advice(location)}"
        elif path.is_file() and not path.stat().st_size:
            yield f"{key}: {path} is empty"
