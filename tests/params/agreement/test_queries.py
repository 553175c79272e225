"""Queries of a reference: what has no lists, or no meaning, is refused at the check."""

from typing import Any

import pytest

from lm_geometry.experiments.experiment import Project
from lm_geometry.params.agreement import clouds, queries
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from tests.structure import ROOT

SERVED = {
    "embed.queries.count": 3000,
    "embed.store": "none",
    "estimate.reference": 1.0,
    "estimate.n_neighbors": [128],
    "estimate.surrogates.kinds": [],
    "token_sample.points": 3000,
    "token_sample.prepared": 3000,
    "finetune.task": "none",
}
RULES = queries.reference_has_lists, queries.streaming_leaves_something, clouds.neighbourhoods_fit


def told(**changes: Any) -> str:
    asked = SERVED | {key.replace("__", "."): value for key, value in changes.items()}
    params = Params.of(Project.read().params_of(asked))
    return "\n".join(line for rule in RULES for line in rule(params, Catalogue({}, {}, ROOT)))


def test_what_is_served_is_not_refused() -> None:
    assert told() == ""
    assert told(estimate__reference="sample", token_sample__noise=0.1) == ""
    few = {"token_sample__points": 100, "token_sample__prepared": 100}
    assert told(embed__queries__count=100, **few) == ""  # L is of the reference, not of the cloud


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"embed__queries__count": 0}, "embed.store: none leaves nothing"),
        ({"embed__queries__count": 10}, "token_sample.points: 3000 are more than"),
        ({"embed__mode": "masked_token"}, "embed.store: none is not for embed.mode"),
        ({"estimate__reference": 0.5}, "estimate.reference: 0.5 is none of"),
        ({"estimate__n_neighbors": [256]}, "estimate.n_neighbors: 256 are more than"),
        ({"estimate__surrogates__kinds": ["gaussian"]}, "estimate.surrogates.kinds: gaussian"),
        ({"estimate__global_estimators": ["DANCo"]}, "estimate.global_estimators: DANCo"),
        ({"token_sample__zero_vectors": "remove"}, "token_sample.zero_vectors: remove"),
        ({"token_sample__noise": 0.1}, "token_sample.noise"),
    ],
)
def test_what_is_not_served_is_told(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in told(**changes)
