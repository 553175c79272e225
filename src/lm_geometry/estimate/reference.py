"""Whether a section can be estimated at queries whose neighbours are of a larger reference."""

from collections.abc import Iterator

from lm_geometry.estimate.params import Estimate
from lm_geometry.outs.embed.query_index import QueryIndex

GLOBAL = ("twonn", "mle", "l2n2", "bayesian_twonn", "binomial")  # that read distances alone


def disagreements(settings: Estimate, queries: QueryIndex | None, noise: float) -> Iterator[str]:
    """A sentence for each setting that has no meaning, or no lists, with `estimate.reference`.

    `queries` are those that embed keeps, `noise` is what token-sample adds to clouds.
    """
    asked = settings.reference
    if asked == "sample":
        return
    if queries is None or not queries.count:
        yield f"estimate.reference: {asked} needs queries: embed.queries.count above 0, or sample"
        return
    if asked not in queries.references:
        there = queries.references
        yield f"estimate.reference: {asked} is none of embed.queries.references, {there}"
    for reading in settings.exclude:
        if reading not in queries.exclude:
            yield f"estimate.exclude: {reading} is none of embed.queries.exclude, {queries.exclude}"
    yield from _lengths(settings, queries)
    yield from _whole_clouds(settings)
    if noise:
        yield "token_sample.noise: it would move the queries alone: 0 with estimate.reference"


def _lengths(settings: Estimate, queries: QueryIndex) -> Iterator[str]:
    for size in settings.n_neighbors:
        if size < 1:
            yield f"estimate.n_neighbors: {size} is a share of a cloud: a number, with a reference"
        elif size > queries.vectors:
            there = queries.vectors
            yield f"estimate.n_neighbors: {size} are more than embed.queries.vectors, {there}"
    if settings.gride_range > queries.neighbours:
        yield (
            f"estimate.gride_range: {settings.gride_range} is above embed.queries.neighbours, "
            f"{queries.neighbours}"
        )


def _whole_clouds(settings: Estimate) -> Iterator[str]:
    told = "needs all pairs of a cloud: leave it out, or estimate.reference: sample"
    for name in settings.global_estimators:
        if name not in GLOBAL:
            yield f"estimate.global_estimators: {name} {told}"
    for kind in settings.surrogates.kinds:
        yield f"estimate.surrogates.kinds: {kind} {told}"
    if settings.search != "exact":
        yield f"estimate.search: {settings.search}, and the lists of queries are exact: exact"
