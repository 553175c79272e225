"""The root seed, and an independent random stream for each named cell."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.workspace.section import ROOT, read_yaml

if TYPE_CHECKING:
    import numpy as np


def stream(seed: int, *names: str | int) -> "np.random.Generator":
    """A generator that depends on `seed` and `names` alone.

    Names are hashed into the entropy of a `numpy.random.SeedSequence`, so that adding a corpus,
    a layer or a seed never moves the stream of another cell.
    """
    import numpy as np

    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([seed, *map(int, words)]))


def read_seed(root: Path = ROOT) -> int:
    """`seed` of params.yaml, the root of every random stream without a seed of its own."""
    return int(read_yaml(root / "params.yaml").get("seed", 0))
