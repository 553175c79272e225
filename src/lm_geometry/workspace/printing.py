"""What is printed where a terminal or a batch job has another encoding than the text."""

import io
import sys


def print_any_character() -> None:
    """Let `print` write what the encoding of a stream lacks as `\\u65b0`, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
