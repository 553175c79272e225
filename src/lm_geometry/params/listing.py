"""Every parameter in a line: its value, default, meaning and type."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from lm_geometry.params.sections import Params


def listing(params: Params, prefix: str = "") -> str:
    """A line for each parameter whose dotted name begins with `prefix`.

    Raises ValueError where there is none.
    """
    chosen = [line for line in _lines(params, "") if line[0].startswith(prefix)]
    if not chosen:
        raise ValueError(f"no parameter begins with {prefix!r}")
    width = max(len(name) for name, _ in chosen)
    return "\n".join(f"{name:<{width}}  {rest}" for name, rest in chosen)


def _lines(section: BaseModel, prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _lines(value, f"{prefix}{name}.")
            continue
        default = "" if value == field.default else f" (default {field.default})"
        meaning = f"{field.description} [{_told(field.annotation)}]"
        shown = repr(value) if isinstance(value, str) and "\n" in value else value
        yield f"{prefix}{name}", f"{shown}{default}  # {meaning}"


def _told(annotation: Any) -> str:
    """A type as it is said: `int | all` for `int | Literal["all"]`."""
    inner, outer = get_args(annotation), get_origin(annotation)
    if not inner:
        return getattr(annotation, "__name__", str(annotation))
    if outer is Annotated:  # with a check, which is no type
        return _told(inner[0])
    if str(annotation).startswith("typing.Literal"):
        return " | ".join(str(choice) for choice in inner)
    if outer in (list, dict):
        return f"{outer.__name__} of {', '.join(map(_told, inner))}"
    return " | ".join(map(_told, inner))
