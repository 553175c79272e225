"""Errors that no single section shows: whether the sections and the catalogue agree."""

from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.params.agreement import arithmetic, checkpoints, clouds, layers, names, prompts

RULES = [
    (names.model_is_known, ["model"]),
    (names.corpora_are_known, ["data_prep"]),
    (names.tokenizers_are_known, ["data_prep"]),
    (prompts.prompts_are_possible, ["data_prep", "embed"]),
    (prompts.layers_and_checkpoints_exist, ["model", "finetune", "embed"]),
    (layers.layers_exist, ["model", "embed", "aggregate"]),
    (arithmetic.parts_belong_together, ["model", "data_prep", "finetune"]),
    (arithmetic.equations_are_whole, ["data_prep", "finetune"]),
    (arithmetic.training_is_known, ["finetune"]),
    (arithmetic.states_exist, ["model", "finetune", "embed", "aggregate"]),
    (layers.blocks_exist, ["model", "finetune"]),
    (layers.task_fits_model, ["model", "finetune"]),
    (layers.mode_fits_model, ["model", "embed"]),
    (layers.tagger_is_installed, ["embed"]),
    (checkpoints.checkpoints_are_trained, ["finetune", "embed", "aggregate"]),
    (clouds.neighbourhoods_fit, ["token_sample", "estimate", "aggregate"]),
    (clouds.dadapy_is_there, ["estimate"]),
    (clouds.nothing_is_there_twice, ["data_prep", "token_sample", "estimate", "aggregate"]),
    (clouds.numbers_are_possible, ["finetune", "embed", "token_sample", "estimate"]),
]


def disagreements(
    sections: dict[str, Any],
    models: dict[str, ModelEntry],
    corpora: dict[str, Corpus],
    root: Path,
) -> list[str]:
    """A sentence for each disagreement; sections that are themselves wrong are passed over."""
    found: list[str] = []
    for rule, needed in RULES:
        if all(name in sections for name in needed):
            arguments = [sections[name] for name in needed]
            found += rule(*arguments, models=models, corpora=corpora, root=root)
    return [f"params.yaml: {sentence}" for sentence in found]
