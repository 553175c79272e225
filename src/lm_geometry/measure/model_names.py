"""What a model is called in `measure`: a name as in params.yaml, or a path."""

from difflib import get_close_matches
from pathlib import Path

from lm_geometry.models.catalogue import read_models

SOURCES = ("hub:", "file:", "package:", "kept:")


def as_in_params(model: str | Path) -> str:
    """The name as params.yaml has it: `model` is one already, or the path of a folder or file.

    Raises ValueError for what is neither, which takes no library that loads models to find out.
    """
    name = str(model)
    known = read_models()
    if name in known or name.startswith(SOURCES):
        return name
    if not Path(name).expanduser().exists():
        aliases = f"not in the catalogue ({', '.join(known)})" if known else "not an alias"
        near = get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}? Else " if near else ""
        hub = f"{meant}write hub:{name} for a model of the hub"
        raise ValueError(f"model: {name} is no path and {aliases}; {hub}")
    return f"file:{Path(name).expanduser().resolve()}"
