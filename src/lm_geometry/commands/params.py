"""`lm-geometry params`: every parameter with its value, type, default and meaning."""

import argparse
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lm_geometry.params.check import check_or_exit
from lm_geometry.params.sections import Params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("prefix", nargs="?", default="", help="only these, such as embed")


def run(arguments: argparse.Namespace) -> None:
    """Check params.yaml and print its parameters."""
    params = check_or_exit()
    lines = list(_lines(Params, params, ""))
    chosen = [line for line in lines if line[0].startswith(arguments.prefix)]
    if not chosen:
        raise ValueError(f"no parameter begins with {arguments.prefix!r}")
    width = max(len(name) for name, _ in chosen)
    for name, rest in chosen:
        print(f"{name:<{width}}  {rest}")


def _lines(model: type[BaseModel], values: Any, prefix: str) -> list[tuple[str, str]]:
    lines = []
    for name, field in model.model_fields.items():
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            lines += _lines(type(value), value, f"{prefix}{name}.")
            continue
        default = "" if value == field.default else f" (default {field.default})"
        meaning = f"{field.description} [{_type(field)}]"
        shown = repr(value) if isinstance(value, str) and "\n" in value else value
        lines.append((f"{prefix}{name}", f"{shown}{default}  # {meaning}"))
    return lines


def _type(field: FieldInfo) -> str:
    return _told(field.annotation)


def _told(annotation: Any) -> str:
    inner = get_args(annotation)
    if not inner:
        return getattr(annotation, "__name__", str(annotation))
    if str(annotation).startswith("typing.Literal"):
        return " | ".join(str(choice) for choice in inner)
    if getattr(annotation, "__origin__", None) in (list, dict):
        return f"{annotation.__origin__.__name__} of {', '.join(map(_told, inner))}"
    return " | ".join(map(_told, inner))
