"""Results and checkpoints of other experiments and commits."""
