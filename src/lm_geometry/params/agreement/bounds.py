"""Numbers that no machine or library takes, refused before anything is computed with them."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from lm_geometry.params.agreement.valid import Catalogue, SectionNotValidError
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import Section

LAST_SEED = 2**32 - 1  # of NumPy, scikit-learn and Lightning; torch's is larger
MOST: Mapping[str, float] = {
    "aggregate.bootstrap.draws": 10**6,
    "aggregate.clusters.counts": 1000,
    "embed.batch_tokens": 2**24,
    "embed.queries.count": 10**8,
    "embed.queries.neighbours": 2**16,
    "estimate.n_neighbors": 2**20,
    "estimate.surrogates.draws": 10**4,
    "finetune.accumulate": 2**16,
    "finetune.arithmetic.feed_forward": 2**20,
    "finetune.arithmetic.head_width": 2**16,
    "finetune.arithmetic.heads": 2**12,
    "finetune.arithmetic.layers": 2**12,
    "finetune.arithmetic.width": 2**18,
    "finetune.batch_size": 2**16,
    "finetune.epochs": 10**6,
    "finetune.lora.alpha": 2**20,
    "finetune.lora.rank": 2**14,
    "finetune.learning_rate": 1e3,
    "finetune.steps": 10**9,
    "finetune.watch.points": 10**6,
    "token_sample.noise": 1e6,
    "token_sample.points": 2**31,
    "token_sample.prepared": 2**31,
}


def seeds_are_seeds(params: Params, _: Catalogue) -> Iterator[str]:
    """Every seed of a section is one for all libraries that take it."""
    for name, seed in _numbers(params):
        of_a_seed = "seed" in name.rpartition(".")[2]
        if of_a_seed and seed > LAST_SEED:
            yield f"{name}: {seed} is not a seed: a whole number from 0 to {LAST_SEED} (2**32 - 1)"


def numbers_are_bounded(params: Params, _: Catalogue) -> Iterator[str]:
    """No number is so large that a run would never end, or fit no memory."""
    for name, number in _numbers(params):
        if number > MOST.get(name, number):
            yield f"{name}: {number:g} is too large: at most {MOST[name]:,}"


def constants_are_of_the_rule(params: Params, _: Catalogue) -> Iterator[str]:
    """lPCA's rule has the constants that are given."""
    chosen = params.estimate.lpca
    if not chosen.constants:
        return
    from lm_geometry.dimension.spectrum_rules import RULES

    known = list(inspect.signature(RULES[chosen.rule]).parameters)[1:]
    for name in chosen.constants:
        if name not in known:
            there = f"its constants are {', '.join(known)}" if known else "it has no constants"
            yield f"estimate.lpca.constants: rule {chosen.rule} has no {name}: {there}"


def neighbours_are_tokens(params: Params, _: Catalogue) -> Iterator[str]:
    """Of a prompt's token no more neighbours are kept than the prompt has tokens."""
    prompts, asked = params.data_prep.prompts, params.embed.prompts.overlap_k
    if prompts.count and asked > prompts.tokens:
        yield (
            f"embed.prompts.overlap_k: {asked} neighbours are more than a prompt has tokens: at "
            f"most data_prep.prompts.tokens, {prompts.tokens}"
        )


def _numbers(params: Params) -> Iterator[tuple[str, float]]:
    """Every number of the valid sections by its name, those of lists as well."""
    for name in Params.model_fields:
        try:
            yield from _within(name, getattr(params, name))
        except SectionNotValidError:
            continue


def _within(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Section):
        for key in type(value).model_fields:
            yield from _within(f"{name}.{key}", getattr(value, key))
    elif isinstance(value, list):
        for one in value:
            yield from _within(name, one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value
