"""The benchmark of signals: runs of task families, their signals, and what those told."""
