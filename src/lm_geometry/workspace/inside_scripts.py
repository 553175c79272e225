"""Texts that may stand in a script of an HTML page.

DVC writes records into the page of its plots as they are: what a corpus or a model says of itself
could end the script there, and begin one of its own.
"""

import re
from typing import Any

_TOKENS = re.compile("<(?=/?script|!--)", re.IGNORECASE)


def inside_script(value: Any) -> Any:
    """The value; in a text, the sign ‹ in place of each < that a script's end could begin with."""
    return _TOKENS.sub("‹", value) if isinstance(value, str) else value
