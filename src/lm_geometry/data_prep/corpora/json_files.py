"""JSON of other people, alone or in an archive: read within bounds, or refused in one sentence."""

import gzip
import json
import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

DEEPEST = 100  # lists and objects in each other; libraries that come after crash far below 1,000
LARGEST = 2**30  # bytes of an archive's member, which is read whole
INSIDE = re.compile(r'(?:[^"\\\r\n]++|\\[^\r\n])*+')  # of a text between its marks
MARK = re.compile(r'["\[\]{}]')


class DeepError(ValueError):
    """JSON that would crash a parser; the text is one sentence."""


def parsed(content: bytes | str, path: Path) -> Any:
    """The value that a file at `path` holds; raises ValueError for what is no JSON in UTF-8."""
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError(f"{path}: lists and objects stand more than {DEEPEST} deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 (byte {error.start:,})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    refuse_deep(value, content, str(path))
    return value


def refuse_deep(value: Any, content: bytes | str, where: str) -> None:
    """Raises ValueError where lists and objects of a value stand more than `DEEPEST` deep.

    Only a `content` with as many brackets is looked through.
    """
    if isinstance(content, bytes):
        brackets = content.count(b"[") + content.count(b"{")
    else:
        brackets = content.count("[") + content.count("{")
    if brackets <= DEEPEST:
        return
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return
    raise ValueError(f"{where}: lists and objects stand more than {DEEPEST} deep")


def refuse_deep_text(pieces: Iterable[str], where: str) -> None:
    """Raises DeepError where JSON, given in pieces, is more than `DEEPEST` deep; holds a piece.

    Nothing is parsed: what stands outside texts is counted, of one value or a value a line. A text
    that does not end on its line is no JSON, and raises as well: parsers differ on where it ends.
    """
    depth, inside, rest = 0, False, ""
    for piece in pieces:
        text, place, rest = rest + piece, 0, ""
        while place < len(text):
            if inside:
                place += len(INSIDE.match(text, place)[0])  # pyright: ignore
                ending = text[place : place + 2]
                if ending in ("", "\\"):  # the piece ends, perhaps before what is escaped
                    rest = ending
                    break
                if ending[0] != '"':
                    raise DeepError(f"{where} is no JSON: a text in it does not end on its line")
                place, inside = place + 1, False
            found = MARK.search(text, place)
            if found is None:
                break
            place, mark = found.end(), found[0]
            inside = mark == '"'
            if not inside:
                depth = depth + 1 if mark in "[{" else max(depth - 1, 0)
            if depth > DEEPEST:
                raise DeepError(f"{where}: lists and objects stand more than {DEEPEST} deep")


def bounded(opened: "IO[bytes] | gzip.GzipFile", path: Path) -> bytes:
    """All that an unpacked file holds; raises ValueError where that is more than `LARGEST`."""
    try:
        content = opened.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} cannot be unpacked: {error}") from None
    if len(content) > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST:,} bytes unpacked")
    return content


def member(path: Path, ending: str) -> bytes | None:
    """The first member of a zip archive whose name ends so, None where there is none.

    Raises ValueError for what is no whole archive, and where more than `LARGEST` would be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            named = [one for one in archive.infolist() if one.filename.endswith(ending)]
            if not named:
                return None
            if named[0].file_size > LARGEST:
                raise ValueError(
                    f"{path}: {named[0].filename} has {named[0].file_size:,} bytes unpacked, more "
                    f"than {LARGEST:,}: unpack it yourself if it is meant to"
                )
            return archive.read(named[0])
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} is no whole zip archive: {error}") from None
