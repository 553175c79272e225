"""Named grids of experiments, and the figures that answer one question each."""
