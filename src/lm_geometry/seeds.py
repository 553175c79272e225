"""An independent random stream for each named cell."""

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that depends on `seed` and `names` alone.

    Names are hashed into the entropy of a `numpy.random.SeedSequence`, so that adding a corpus,
    a layer or a seed never moves the stream of another cell.
    """
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([seed, *map(int, words)]))
