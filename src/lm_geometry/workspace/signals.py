"""The signals of a cloud beside its dimension, as params.yaml names them."""

from typing import Literal, get_args

Signal = Literal[
    "rankme",
    "alpha_req",
    "participation_ratio",
    "effective_rank",
    "mean_cosine",
    "persistent_homology_0",
    "persistent_homology_1",
    "distance_moved",
]
ALL: list[Signal] = list(get_args(Signal))
