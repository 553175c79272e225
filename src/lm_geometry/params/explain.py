"""Validation errors as sentences that name the key, the value and what would be right."""

import difflib
import re
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAMLError

from lm_geometry.workspace.section import read_yaml

MOST_KEYS = 8  # of a section that is written out in a sentence
LONGEST = 200  # characters of a value in a sentence
Model = TypeVar("Model", bound=BaseModel)


def nearest(word: str, words: list[str]) -> str:
    """`; did you mean 'word'?` with the most similar of `words`, else what there is."""
    match = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    if match:
        return f"; did you mean {match[0]!r}?"
    return f"; there are {', '.join(words)}"


def read_checked(path: Path, model: type[Model], where: str) -> Model:
    """What is in a YAML file, which messages call `where`.

    Raises ValueError with a line for each thing that is wrong.
    """
    try:
        return model.model_validate(read_yaml(path))
    except YAMLError as error:
        raise ValueError(f"{where} cannot be read: {error}") from None
    except ValidationError as error:
        raise ValueError("\n".join(sentences(error, model, f"{where}: "))) from None


def sentences(error: ValidationError, model: type[BaseModel], where: str) -> list[str]:
    """One sentence for each wrong key; of the branches of a union the one that came furthest."""
    grouped: dict[str, list[ErrorDetails]] = {}
    for details in error.errors():
        keys = _keys(model, details["loc"])
        grouped.setdefault(".".join(keys), []).append(details)
    outer = {key for key in grouped for other in grouped if other.startswith(f"{key}.")}
    return [
        f"{f'{where}{key}'.rstrip('.')}: {_sentence(found, model)}"
        for key, found in grouped.items()
        if key not in outer
    ]


def _sentence(found: list[ErrorDetails], model: type[BaseModel]) -> str:
    first = found[0]
    if first["type"] == "extra_forbidden":
        parent = _model_at(model, first["loc"][:-1])
        return "unknown parameter" + nearest(str(first["loc"][-1]), list(parent.model_fields))
    if first["type"] == "missing":
        return "is missing"
    wanted = dict.fromkeys(_wanted(details, model) for details in found)
    if isinstance(first["input"], dict) and first["type"] == "value_error":
        return ", or ".join(wanted)  # which names the key of the section and its value
    return f"{_cut(repr(first['input']))} is not valid: {', or '.join(wanted)}{_meant(found)}"


def _cut(text: str) -> str:
    """A value as it is told: of a long one the beginning."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _wanted(details: ErrorDetails, model: type[BaseModel]) -> str:
    if details["type"] == "model_type":
        keys = list(_model_at(model, details["loc"]).model_fields)
        if len(keys) > MOST_KEYS:
            section = ".".join(map(str, details["loc"]))
            first = f"{section}.{keys[0]}" if section else keys[0]
            return f"this is a section, whose parameters are set one by one, such as {first}"
        return f"input should be {{{', '.join(f'{key}: …' for key in keys)}}}"
    if details["type"] == "list_type":
        return f"a list is needed, which is typed in brackets: [{details['input']}]"
    message = details["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _meant(found: list[ErrorDetails]) -> str:
    """`; did you mean 'word'?` where one of the words that may stand here is like the one given."""
    literal = (details.get("ctx", {}) for details in found if details["type"] == "literal_error")
    words = re.findall(r"'(\w+)'", " ".join(str(own.get("expected", "")) for own in literal))
    match = difflib.get_close_matches(str(found[0]["input"]), words, n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys of a location, without the names of union members that pydantic appends."""
    keys: list[str] = []
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            keys.append(str(part))
        elif current is not None and not _is_branch(part, current):
            keys.append(part)
            field = current.model_fields.get(part)
            current = _inner_model(field.annotation) if field else None
    return keys


def _is_branch(part: str, model: type[BaseModel]) -> bool:
    """Whether a part of a location is a member of a union with `model`, and no key."""
    return part == model.__name__ or part.startswith("literal[")


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    for part in location:
        field = model.model_fields.get(str(part))
        inner = _inner_model(field.annotation) if field else None
        model = inner or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, list, dict):
        inner = map(_inner_model, typing.get_args(annotation))
        return next((found for found in inner if found), None)
    return None
