"""What one checkpoint can be measured by: numbers of its clouds, and the norm of its weights."""

from lm_geometry.models.weight_norm import weight_norm
from lm_geometry.observables.alpha_req import alpha_req
from lm_geometry.observables.cloud_signals import cloud_signals
from lm_geometry.observables.cosine import mean_cosine
from lm_geometry.observables.massive import massive_tokens
from lm_geometry.observables.moved import distance_moved
from lm_geometry.observables.persistent_homology import persistent_homology_dimension
from lm_geometry.observables.rankme import rankme
from lm_geometry.observables.spectrum import effective_rank, participation_ratio

__all__ = [
    "alpha_req",
    "cloud_signals",
    "distance_moved",
    "effective_rank",
    "massive_tokens",
    "mean_cosine",
    "participation_ratio",
    "persistent_homology_dimension",
    "rankme",
    "weight_norm",
]
