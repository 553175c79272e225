"""Queries whose neighbours are searched among all that is embedded: what they serve."""

from collections.abc import Iterator

from lm_geometry.estimate.reference import disagreements
from lm_geometry.outs.embed.query_index import QueryIndex
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params


def reference_has_lists(params: Params, _: Catalogue) -> Iterator[str]:
    """What is estimated at queries has the lists that it needs."""
    asked, sample = params.embed.queries, params.token_sample
    sizes = asked.count, asked.neighbours, asked.vectors
    index = QueryIndex(*sizes, asked.exclude, asked.references, {})
    yield from disagreements(params.estimate, index, sample.noise)
    if params.estimate.reference != "sample" and sample.zero_vectors != "keep":
        yield (
            "token_sample.zero_vectors: remove takes them from the queries alone, not from the "
            "reference: keep"
        )
    if asked.count and sample.points > asked.count:
        yield (
            f"token_sample.points: {sample.points} are more than embed.queries.count, "
            f"{asked.count}, which clouds are made of"
        )


def streaming_leaves_something(params: Params, _: Catalogue) -> Iterator[str]:
    """Where no states are stored, there are queries, and one pass that has each state."""
    if params.embed.store == "stored":
        return
    if not params.embed.queries.count:
        yield "embed.store: none leaves nothing where embed.queries.count is 0: stored"
    if params.embed.mode != "regular":
        yield f"embed.store: none is not for embed.mode: {params.embed.mode}: stored, or regular"
    if params.finetune.task == "modular_arithmetic":
        yield "embed.store: none is for models of texts, not for modular_arithmetic: stored"
