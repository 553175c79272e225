"""Edited files through the check: refused by name, or taken as they are; in a second at most."""

import math
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from pydantic import BaseModel
from ruamel.yaml import YAML

from lm_geometry.params.check import ParamsError, check_project
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import ROOT, read_yaml
from tests.campaign.parameters.edits import Edit, Raw, hostile
from tests.campaign.trials import Outcome, Trial

KIND = "parameter files: the check"
SECONDS = 30  # of which a busy machine needs one
LONGEST_MESSAGE = 5000


def trials(numbers: Iterable[int], seed: int, folder: Path) -> Iterator[Trial]:
    """One for each number, by which its edit is drawn; one in ten is an edit of the text."""
    (folder / "catalogue").parent.mkdir(parents=True, exist_ok=True)
    (folder / "catalogue").symlink_to(ROOT / "catalogue")
    raw, text = read_yaml(ROOT / "params.yaml"), (ROOT / "params.yaml").read_bytes()
    for number in numbers:
        random = np.random.default_rng([seed, number])
        if random.random() < 0.1:
            edit = _write_damaged(text, folder / "params.yaml", random)
        else:
            edited, edit = hostile(raw, random)
            _write(edited, folder / "params.yaml")
        outcome, told = _outcome(edit, folder)
        where = ".".join(map(str, edit.path))
        yield Trial(KIND, number, outcome, f"{edit.what} {where} {edit.value!r:.80}: {told}")


def _write(raw: Raw, file: Path) -> None:
    with file.open("w", encoding="utf-8") as opened:
        YAML(typ="safe").dump(raw, opened)


def _write_damaged(text: bytes, file: Path, random: np.random.Generator) -> Edit:
    place, way = int(random.integers(len(text))), int(random.integers(5))
    line = text.rfind(b"\n", 0, place) + 1
    damaged = (
        text[:place],
        text[:place] + random.bytes(3) + text[place:],
        text[:line] + b"\t" + text[line:],
        text[:line] + b"[" * 2000 + text[line:],
        text[:line] + b"? !!python/object/apply:os.system [id]\n" + text[line:],
    )[way]
    file.write_bytes(damaged)
    return Edit((), f"text, way {way}")


def _outcome(edit: Edit, folder: Path) -> tuple[Outcome, str]:
    try:
        with _at_most(SECONDS):
            params = check_project(folder)
    except ParamsError as error:
        return _of_message(edit, str(error))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "lost", f"{type(error).__name__}: {error}"[:300]
    if edit.what == "name":
        return "wrong", "accepted"
    if edit.what == "value" and (other := _read_otherwise(params, edit)):
        return "wrong", other
    return "survived", "accepted"


def _of_message(edit: Edit, message: str) -> tuple[Outcome, str]:
    if len(message) > LONGEST_MESSAGE:
        return "lost", f"a message of {len(message)} characters"
    if str(edit.path[-1] if edit.path else "params.yaml").strip() not in message:
        return "lost", f"does not name it: {message[:300]}"
    return "survived", "refused"


def _read_otherwise(params: Params, edit: Edit) -> str:
    """What the parameters have in place of a value that was accepted; empty where they have it.

    Only a section may be left out: that one has its defaults, and says so by being empty.
    """
    found: Any = params
    for name in edit.path:
        found = getattr(found, name) if isinstance(found, BaseModel) else found[name]
    if isinstance(found, BaseModel):
        given = edit.value or {}
        return "" if isinstance(given, dict) and _within(given, found) else f"reads {found!r:.200}"
    alike = isinstance(found, bool) == isinstance(edit.value, bool)
    # Of an integer in place of a float nothing is asked but its nearest float.
    plain = float if isinstance(found, float) and isinstance(edit.value, int) else _plain
    read, given = plain(found), plain(edit.value)
    same = alike and (read == given or read == [given])  # one value is a list of one
    return "" if same else f"reads {found!r:.200}"


def _within(given: Raw, section: BaseModel) -> bool:
    return all(name in type(section).model_fields for name in given)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {k: _plain(v) for k, v in value.model_dump(exclude_unset=True).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raises TimeoutError in the block after so many seconds."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
