"""Sums over coordinates that are the same to the bit wherever they are compiled.

A compiler that may reorder a sum does so differently in each loop that calls it, and which of these
copies runs depends on what numba finds in its cache. So the order is written down: 32 lanes, which
fill the vector registers, then halves added to halves.
"""

import numpy as np

from lm_geometry.point_cloud.loops import compiled

LANES = 32


@compiled
def lanes_total(lanes):
    """The sum of `lanes` `[32]`, which are overwritten."""
    width = LANES // 2
    while width:
        for lane in range(width):
            lanes[lane] += lanes[width + lane]
        width //= 2
    return lanes[0]


@compiled
def total(terms):
    """The sum of `terms` `[n]` in float64."""
    lanes = np.zeros(LANES)
    whole = terms.size - terms.size % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += terms[start + lane]
    for lane in range(terms.size - whole):
        lanes[lane] += terms[whole + lane]
    return lanes_total(lanes)


@compiled
def squared_distance(x, y, lanes):
    """|x − y|² of two vectors `[width]` in float64; symmetric. `lanes` `[32]` is room to work."""
    lanes[:] = 0.0
    whole = x.size - x.size % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            difference = np.float64(x[start + lane]) - np.float64(y[start + lane])
            lanes[lane] += difference * difference
    for lane in range(x.size - whole):
        difference = np.float64(x[whole + lane]) - np.float64(y[whole + lane])
        lanes[lane] += difference * difference
    return lanes_total(lanes)
