"""What every section of params.yaml and every catalogue entry has in common."""

import re
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML, YAMLError

ROOT = Path(__file__).resolve().parents[3]


LARGEST, DEEPEST, MOST = 2**24, 100, 10**6  # bytes; nested values; values with repeated ones
_BRACKETS = re.compile(r"[\[{]|[\]}]")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file, the dialect that DVC writes (`3e-05` is a number).

    Raises YAMLError, which names the file, for one that is not UTF-8, and for one whose size,
    nested values or repeated aliases would take memory or time without bound.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise YAMLError(f"{path} has more than {LARGEST:,} bytes")
        text = StringIO(path.read_text(encoding="utf-8"))
        text.name = str(path)  # stands in messages
        _refuse_deep(text.getvalue(), path)
        found = YAML(typ="safe").load(text)
        _refuse_many(found, path)
    except UnicodeDecodeError as error:
        raise YAMLError(f"{path} is not UTF-8 (byte {error.start:,})") from None
    except RecursionError:
        raise YAMLError(f"{path}: its values are nested too deeply") from None
    return {} if found is None else found


def _refuse_deep(text: str, path: Path) -> None:
    """Before the parser, which takes seconds for what it then cannot hold."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            raise YAMLError(f"{path}: more than {DEEPEST} brackets are open at once")


def _refuse_many(value: Any, path: Path) -> None:
    """Aliases stand for one value, which whatever walks through it meets at each of its places."""
    sizes: dict[int, int] = {}

    def size(inner: Any) -> int:
        if not isinstance(inner, list | dict):
            return 1
        if id(inner) not in sizes:
            sizes[id(inner)] = MOST  # of a value inside of itself
            parts = inner.values() if isinstance(inner, dict) else inner
            sizes[id(inner)] = 1 + sum(map(size, parts))
        return sizes[id(inner)]

    if size(value) > MOST:
        raise YAMLError(f"{path}: with all that its aliases repeat it has over {MOST:,} values")


class Section(BaseModel):
    """A frozen, strict part of params.yaml; unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    name_in_params: ClassVar[str] = ""

    @classmethod
    def read(cls, root: Path = ROOT) -> Self:
        """The section as params.yaml has it. Call `params.check` before, for readable errors."""
        found = read_yaml(root / "params.yaml")
        for name in cls.name_in_params.split("."):
            inner = found.get(name)
            found = {} if inner is None else inner  # 0, false and '' are no sections
        return cls.model_validate(found)
