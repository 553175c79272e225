"""Ground: a cloud of points in memory, and loops over it."""
