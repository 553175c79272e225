"""Intrinsic dimensions: one module per estimator, and the calls that choose one by name."""

from lm_geometry.dimension.estimate import global_dimension, local_dimension

__all__ = ["global_dimension", "local_dimension"]
