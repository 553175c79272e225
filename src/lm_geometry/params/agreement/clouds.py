"""Point clouds: sizes that fit into each other, and nothing asked for twice."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from lm_geometry.estimate.params import Estimate
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.token_sample.params import TokenSample


def neighbourhoods_fit(params: Params, _: Catalogue) -> Iterator[str]:
    """Neighbourhoods and scales fit into the clouds."""
    sample, estimate, aggregate = params.token_sample, params.estimate, params.aggregate
    for size in estimate.n_neighbors if estimate.reference == "sample" else ():
        if size <= 0 or (isinstance(size, float) and size >= 1):
            yield f"estimate.n_neighbors: {size} is neither a whole number nor a fraction below 1"
        elif not 2 < (size if size >= 1 else round(size * sample.points)) < sample.points:
            yield (
                f"estimate.n_neighbors: {size} must be above 2 and below "
                f"token_sample.points = {sample.points}"
            )
    yield from _scales_fit(sample, estimate)
    shown = aggregate.n_neighbors
    if shown != "last" and shown not in estimate.n_neighbors:
        yield f"aggregate.n_neighbors: {shown} is not in {estimate.n_neighbors}"
    if aggregate.exclude not in ("first", *estimate.exclude):
        yield f"aggregate.exclude: {aggregate.exclude} is not in {estimate.exclude}"


def _scales_fit(sample: TokenSample, estimate: Estimate) -> Iterator[str]:
    span = estimate.gride_range
    if span & (span - 1) or span == 1:
        yield f"estimate.gride_range: {span} is not a power of 2 (2, 4 … 256), or 0 for none"
    elif span >= sample.points and estimate.reference == "sample":
        yield f"estimate.gride_range: {span} must be below token_sample.points = {sample.points}"
    if sample.prepared < sample.points:
        yield (
            f"token_sample.prepared: {sample.prepared} is below "
            f"token_sample.points = {sample.points}"
        )


def dadapy_is_there(params: Params, _: Catalogue) -> Iterator[str]:
    """DADApy is installed where one of its estimators is asked for."""
    for name in params.estimate.global_estimators:
        if name.startswith("dadapy.") and find_spec("dadapy") is None:
            yield (
                f"estimate.global_estimators: {name} needs DADApy; "
                "`make verify` makes .venv-dadapy, which has it"
            )


def nothing_is_there_twice(params: Params, _: Catalogue) -> Iterator[str]:
    """No corpus, split, seed or estimator is named twice."""
    data, estimate = params.data_prep, params.estimate
    lists: dict[str, Sequence[str | float]] = {
        "data_prep.evaluate": data.evaluate,
        "data_prep.splits": data.measured_splits(is_trained=True),
        "token_sample.seeds": params.token_sample.seeds,
        "estimate.estimators": estimate.estimators,
        "estimate.n_neighbors": estimate.n_neighbors,
        "estimate.exclude": estimate.exclude,
        "estimate.signals": estimate.signals,
        "embed.queries.exclude": params.embed.queries.exclude,
        "embed.queries.references": params.embed.queries.references,
        "estimate.surrogates.kinds": estimate.surrogates.kinds,
        "estimate.global_estimators": estimate.global_estimators,
        "aggregate.groups.by": params.aggregate.groups.by,
    }
    for key, values in lists.items():
        for value in dict.fromkeys(values):
            if values.count(value) > 1:
                yield f"{key}: {value} is there twice"


def numbers_are_possible(params: Params, _: Catalogue) -> Iterator[str]:
    """Counts, seeds and decays that no single type can rule out."""
    finetune, sample = params.finetune, params.token_sample
    counts = {
        "embed.keep_tokens": params.embed.keep_tokens,
        "estimate.lpca.tokens": params.estimate.lpca.tokens,
    }
    for key, count in counts.items():
        if isinstance(count, int) and count < 1:
            yield f"{key}: {count} must be 1 or more, or all"
    if min(sample.seeds) < 0:
        yield f"token_sample.seeds: {min(sample.seeds)} is not a whole number from 0"
    if not all(0 <= beta < 1 for beta in finetune.betas):
        yield f"finetune.betas: {finetune.betas} must be 0 or more and below 1"
