"""Compiles the loops of a first measurement: `python -m lm_geometry.measure.first_calls`.

`make setup` runs it, so that nobody waits for the compiler in front of a first result.
"""

import numpy as np

from lm_geometry import gride, local_dimension

POINTS, WIDTH = 300, 16


def compile_loops() -> None:
    """Measure a small cloud in each of the ways in which `estimate` and `measure` do."""
    cloud = np.random.default_rng(0).standard_normal((POINTS, WIDTH)).astype(np.float32)
    documents = np.arange(POINTS) // 20
    for exclude in (None, documents):
        local_dimension(cloud, n_neighbors=64, exclude=exclude)
    gride(cloud, range_max=64)


if __name__ == "__main__":
    compile_loops()
    print("the loops of a first measurement are compiled")
