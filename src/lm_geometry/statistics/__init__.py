"""Means, differences and intervals whose unit is the document or the sequence, never the token."""

from lm_geometry.statistics.effects import (
    adjusted_p_values,
    standardised_by_documents,
    standardised_by_tokens,
)
from lm_geometry.statistics.grouped import GroupedMeans, grouped_means, jackknifed_means
from lm_geometry.statistics.jackknife import jackknife_variance, jackknifed
from lm_geometry.statistics.means import Mean, clustered_mean
from lm_geometry.statistics.runs import between_runs

__all__ = [
    "GroupedMeans",
    "Mean",
    "adjusted_p_values",
    "between_runs",
    "clustered_mean",
    "grouped_means",
    "jackknife_variance",
    "jackknifed",
    "jackknifed_means",
    "standardised_by_documents",
    "standardised_by_tokens",
]
