"""Errors that no single section shows: whether the sections and the catalogue agree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.params.agreement import (
    arithmetic,
    bounds,
    checkpoints,
    clouds,
    layers,
    names,
    prompts,
    queries,
    watching,
)
from lm_geometry.params.agreement.columns import columns_are_in_the_corpora
from lm_geometry.params.agreement.given_tokens import given_tokens_are_measured
from lm_geometry.params.agreement.resolved import entry_of, half_is_told, texts_fit_model
from lm_geometry.params.agreement.training import contexts_are_trained_on, corpus_fits_task
from lm_geometry.params.agreement.valid import (
    Catalogue,
    Rule,
    SectionNotValidError,
    ValidSections,
)
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import Section

RULES: tuple[Rule, ...] = (
    names.model_is_known,
    names.corpora_are_known,
    names.tokenizers_are_known,
    prompts.prompts_are_possible,
    prompts.layers_and_checkpoints_exist,
    layers.layers_exist,
    arithmetic.parts_belong_together,
    arithmetic.equations_are_whole,
    arithmetic.training_is_known,
    arithmetic.states_exist,
    layers.blocks_exist,
    layers.task_fits_model,
    layers.mode_fits_model,
    half_is_told,
    texts_fit_model,
    corpus_fits_task,
    contexts_are_trained_on,
    watching.watched_training_is_of_texts,
    watching.watched_tokens_have_neighbours,
    watching.watched_layers_exist,
    given_tokens_are_measured,
    layers.tagger_is_installed,
    checkpoints.checkpoints_are_trained,
    checkpoints.scores_are_of_checkpoints,
    clouds.neighbourhoods_fit,
    queries.reference_has_lists,
    queries.streaming_leaves_something,
    clouds.dadapy_is_there,
    clouds.nothing_is_there_twice,
    clouds.numbers_are_possible,
    bounds.seeds_are_seeds,
    bounds.numbers_are_bounded,
    bounds.constants_are_of_the_rule,
    bounds.neighbours_are_tokens,
    columns_are_in_the_corpora,
)


def disagreements(
    sections: Mapping[str, Section],
    models: dict[str, ModelEntry],
    corpora: dict[str, Corpus],
    root: Path,
    resolved: dict[str, Any] | None = None,
    prepared: bool = False,
) -> list[str]:
    """A sentence for each disagreement; sections that are themselves wrong are passed over."""
    params = ValidSections.model_construct(None, **sections)
    facts = resolved or {}
    if facts and facts["source"] not in models:
        models = models | {facts["source"]: entry_of(facts)}
    catalogue = Catalogue(models, corpora, root, facts, prepared)
    found = [sentence for rule in RULES for sentence in _told(rule, params, catalogue)]
    return [f"params.yaml: {sentence}" for sentence in found]


def _told(rule: Rule, params: Params, catalogue: Catalogue) -> list[str]:
    """What a rule tells: nothing where a section that it asks for is wrong."""
    try:
        return list(rule(params, catalogue))
    except SectionNotValidError:
        return []
