"""In place of the engine that renders pictures, which no fork survives: their text, as bytes."""

import json
from typing import Any


def get_vegalite_versions() -> list[str]:
    """Every version."""
    import altair

    return [".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])]


def vegalite_to_svg(*given: Any, **named: Any) -> str:
    """The specification as it is."""
    return json.dumps(given, sort_keys=True, default=str)


def vegalite_to_png(*given: Any, **named: Any) -> bytes:
    """The specification as it is."""
    return vegalite_to_svg(*given).encode()
