"""Where the machine code of compiled loops is kept.

numba keeps it beside a source file and compares the time of that file alone. So a clone, such as
DVC makes for each experiment, would compile everything again, and a loop would go on with an old
version of a loop that it calls from another file. Here it is kept once for the user, under the hash
of the sources of all compiled loops.
"""

import os
from functools import cache
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from numba.core import config
from numba.core.caching import IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

PACKAGE = Path(__file__).resolve().parents[1]


def keep(function: Dispatcher) -> Dispatcher:
    """The numba function `function`, whose machine code is read from and written to the cache.

    numba has no public way to name a cache's folder or its files. The private attributes set here
    are named in a test, and numba's versions are bounded in pyproject.toml.
    """
    kept = function._cache  # pyright: ignore[reportAttributeAccessIssue]
    source = Path(function.py_func.__code__.co_filename)
    if source.is_relative_to(PACKAGE):
        folder = _root() / sources_hash() / source.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        name = kept._impl.filename_base
        kept._cache_file = IndexDataCacheFile(str(folder), name, sources_hash())
    files = kept._cache_file
    # numba numbers them. Two processes that fill a cold cache at once, one for float32 and one for
    # float64, would both write number 1, and whoever reads it later might run the wrong code.
    files._data_name = lambda number: f"{files._index_name}.{uuid4().hex}.nbc"
    return function


@cache
def sources_hash() -> str:
    """A hash of every source file of the package that has compiled loops."""
    found = sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        content = file.read_bytes()
        if b"@compiled" in content or b"import numba" in content:
            found.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + content)
    return found.hexdigest()[:16]


def _root() -> Path:
    """NUMBA_CACHE_DIR, or a folder in the user's cache.

    Raises OSError where it cannot be made, and where it is another user's: what lies there is run.
    """
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(getattr(config, "CACHE_DIR", "") or user) / "lm-geometry" / "compiled"
    root.mkdir(parents=True, exist_ok=True)
    if root.stat().st_uid not in (os.getuid(), 0):
        raise PermissionError(f"{root} belongs to another user: nothing is taken from it")
    return root
