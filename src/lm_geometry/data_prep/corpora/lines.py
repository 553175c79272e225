"""Lines of a text file as they stand in it, whatever packed and encoded it."""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from lm_geometry.models.local_files import LFS_POINTER

PACKED = (".gz", ".bz2", ".xz", ".zst")
# UTF-32 first, for its mark begins as that of UTF-16 does.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
LONGEST = 2**28  # bytes or characters of a line, which is held whole
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError)
PACKED_AS = {
    b"\x1f\x8b": ".gz",
    b"BZh91AY&SY": ".bz2",
    b"\xfd7zXZ": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
}


def format_of(path: Path) -> str:
    """The ending that tells a file's format, in lower case, without that of its packing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def refuse_pointer(start: bytes, path: Path) -> None:
    """Raises ValueError where a file begins as those do that stand for files kept elsewhere."""
    if start.startswith(LFS_POINTER):
        raise ValueError(f"{path} is a pointer of Git LFS, not the file: `git lfs pull` brings it")


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file with their ends; nothing but a newline ends one.

    UTF-8, or UTF-16 and UTF-32 that say so by a byte order mark; gzip, bzip2, xz and zstd are
    unpacked. Raises ValueError, with the line but without its text, for anything else.
    """
    try:
        with _unpacked(path) as file:
            start = file.peek(32)
            refuse_pointer(start, path)
            packing = next((PACKED_AS[m] for m in PACKED_AS if start.startswith(m)), "")
            if packing:
                raise ValueError(f"{path} is packed: its name must end in {packing}, and once only")
            mark = next((mark for mark in MARKS if start.startswith(mark)), None)
            if mark is None:
                yield from _utf_8(file, path)
            else:
                yield from _marked(file, MARKS[mark], path)
    except DAMAGED as error:
        packing = path.suffix.lower()
        if isinstance(error, PermissionError) or packing not in PACKED:
            raise ValueError(f"{path} cannot be read: {error}") from None
        # What these errors say may begin with bytes of the text.
        raise ValueError(f"{path} cannot be unpacked: it is cut, or is not {packing}") from None


def _unpacked(path: Path) -> io.BufferedReader:
    packing = path.suffix.lower()
    if packing == ".zst":
        from pyarrow import input_stream

        opened = input_stream(str(path), compression="zstd")
    else:
        ways = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
        opened = ways[packing](path) if packing in ways else path.open("rb", buffering=0)
    return io.BufferedReader(opened)


def _utf_8(file: IO[bytes], path: Path) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
        _refuse_long(line, number, path)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
            if b"\0" in line[:4]:
                raise ValueError(_not(path, "UTF-16", "UTF-16 or UTF-32 without its mark"))
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            where = f"line {number} has the byte 0x{line[error.start]:02x}"
            raise ValueError(_not(path, "WINDOWS-1252", where)) from None
        yield text


def _marked(file: io.BufferedReader, encoding: str, path: Path) -> Iterator[str]:
    number = 0
    lines = io.TextIOWrapper(cast("Any", file), encoding, newline="\n")
    try:
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST), ""), 1):
            _refuse_long(line, number, path)
            yield line
    except UnicodeError:
        where = f"its mark says {encoding.upper()}, which it is not somewhere after line {number}"
        raise ValueError(f"{path}: {where}: save it as UTF-8") from None
    finally:
        lines.detach()  # who opened the file closes it


def _refuse_long(line: bytes | str, number: int, path: Path) -> None:
    if len(line) >= LONGEST:
        raise ValueError(f"{path}: line {number} has more than {LONGEST:,} characters: divide it")


def _not(path: Path, likely: str, where: str) -> str:
    return (
        f"{path} is not UTF-8: {where}; `iconv -f {likely} -t UTF-8 {path.name} > NEW` converts it "
        "where that is its encoding"
    )
