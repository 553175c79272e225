"""What every section of params.yaml and every catalogue entry has in common."""

import re
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

ROOT = Path(__file__).resolve().parents[3]


LARGEST, DEEPEST, MOST = 2**24, 100, 10**6  # bytes; nested values; values with repeated ones
KINDS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "seq", "map")
_BRACKETS = re.compile(r"[\[{]|[\]}]")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file, the dialect that DVC writes (`3e-05` is a number).

    Raises YAMLError, which names the file, for one that is not UTF-8, for one whose size, nested
    values, repeated aliases or merges would take memory or time without bound, for tags of other
    values than these, and for values that are not what they are written as (`2024-13-45`).
    """
    try:
        if path.stat().st_size > LARGEST:
            raise YAMLError(f"{path} has more than {LARGEST:,} bytes")
        text = path.read_text(encoding="utf-8")
        refuse_deep(text, path)
        _refuse_many(YAML(typ="safe").compose(_named(text, path)), path)
        found = YAML(typ="safe").load(_named(text, path))
    except UnicodeDecodeError as error:
        raise YAMLError(f"{path} is not UTF-8 (byte {error.start:,})") from None
    except RecursionError:
        raise YAMLError(f"{path}: its values are nested too deeply") from None
    except (ValueError, LookupError, AttributeError, TypeError) as error:  # a bad date, or integer
        raise YAMLError(f"{path}: a value is not what it is written as: {error!s:.200}") from None
    return {} if found is None else found


def _named(text: str, path: Path) -> StringIO:
    """The text with the name that stands in messages."""
    found = StringIO(text)
    found.name = str(path)
    return found


def refuse_deep(text: str, name: Path | str) -> None:
    """Raises YAMLError before a parser, which takes seconds for what it cannot hold, or crashes."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            raise YAMLError(f"{name}: more than {DEEPEST} brackets are open at once")


def _refuse_many(root: Node | None, path: Path) -> None:
    """Before values are made: an alias, or a merge (`<<`), is met at each of its places."""
    sizes: dict[int, int] = {}

    def size(node: Node) -> int:
        kind = node.tag.removeprefix("tag:yaml.org,2002:") if node.tag else ""
        if kind not in KINDS:
            raise YAMLError(f"{path}: {kind} is no kind of value that is read here")
        if isinstance(node, ScalarNode):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = MOST  # of a value inside of itself
            pairs = node.value if isinstance(node, MappingNode) else [(one,) for one in node.value]
            sizes[id(node)] = 1 + sum(size(part) for pair in pairs for part in pair)
        return sizes[id(node)]

    if root is not None and size(root) > MOST:
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
