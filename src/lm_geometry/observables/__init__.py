"""Numbers of a cloud, or of a pair of clouds, that are not dimensions: one concept per module."""

from lm_geometry.observables.alignment import linear_cka
from lm_geometry.observables.angle import nearest_neighbour_angle
from lm_geometry.observables.cosine import Cosine, cosine, mean_cosine
from lm_geometry.observables.deduplication import deduplicate
from lm_geometry.observables.hausdorff import Hausdorff, hausdorff
from lm_geometry.observables.imbalance import Imbalance, information_imbalance
from lm_geometry.observables.norms import norms
from lm_geometry.observables.overlap import neighbourhood_overlap, overlap_from_indices
from lm_geometry.observables.reciprocity import reciprocity
from lm_geometry.observables.spectrum import effective_rank, participation_ratio, spectrum

__all__ = [
    "Cosine",
    "Hausdorff",
    "Imbalance",
    "cosine",
    "deduplicate",
    "effective_rank",
    "hausdorff",
    "information_imbalance",
    "linear_cka",
    "mean_cosine",
    "nearest_neighbour_angle",
    "neighbourhood_overlap",
    "norms",
    "overlap_from_indices",
    "participation_ratio",
    "reciprocity",
    "spectrum",
]
