"""Files that `torch.save` wrote, read without running anything that is in them."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

NAMED = re.compile(r"GLOBAL (?P<name>[\w.]+)")
DAMAGED = (RuntimeError, EOFError, OSError, KeyError, ValueError, IndexError, TypeError)


class NotPlainError(ValueError):
    """A file holds more than data; `name` is the object that it asks for, empty if none is named.

    The text is one sentence.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        asked = f"asks for {name}" if name else "has instructions that plain data needs none of"
        super().__init__(f"{path} {asked}: it is more than data, and nothing of it was run or read")


def load(path: Path, stubs: Mapping[str, type] | None = None) -> Any:
    """What `torch.save` wrote: tensors, lists, dictionaries, numbers and texts, on the CPU.

    `stubs` are the classes that stand for those of other code, by the name that the file has for
    them: their objects get the attributes that were saved, and no code. Raises `NotPlainError` for
    any other object, and ValueError for a file that is cut or of another kind.
    """
    allowed: list[Any] = [(stub, name) for name, stub in (stubs or {}).items()]
    try:
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of protocols, which are refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = NAMED.search(str(error))
        raise NotPlainError(path, named["name"] if named else "") from None
    except DAMAGED as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} is cut, damaged, or no file of torch.save ({told}): copy it again"
        ) from None
