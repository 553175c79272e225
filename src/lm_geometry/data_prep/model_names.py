"""From a model's name in params.yaml to its source."""

import contextlib
from dataclasses import asdict
from typing import Any

from lm_geometry.data_prep.model_checks import check_files
from lm_geometry.data_prep.params import Model
from lm_geometry.models import sources
from lm_geometry.models.catalogue import read_models
from lm_geometry.models.facts import Half, facts_of
from lm_geometry.models.hub_weights import hub_weights
from lm_geometry.models.load import config_of
from lm_geometry.models.local_files import SourceError
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.paths import name_of

FROM_SCRATCH = "drawn by finetune.seed"


def resolve(model: Model, seed: int) -> ModelSource:
    """The model of params.yaml with its catalogue entry, or with facts read from its own config.

    One that learns equations has its sizes and weights from the training, and none before.
    """
    entry = read_models().get(model.name)
    if entry is not None and entry.kind == "arithmetic":
        facts = entry.model_dump(include={"label", "source", "kind"})
        return ModelSource(
            name=model.name, weights=FROM_SCRATCH, seed=0, layers=0, width=0, **facts
        )
    if entry is not None:
        facts = entry.model_dump(include={"label", "source", "kind", "layers", "width"})
    else:
        facts = {
            "label": name_of(model.name),
            "source": model.name,
            **_facts(model.name, model.half),
        }
    seed = seed if model.weights == "random" else 0
    content = _content(facts["source"])
    name = name_of(model.name)
    half = model.half or ""
    return ModelSource(
        name=name, weights=model.weights, seed=seed, content=content, half=half, **facts
    )


def source_of(name: str) -> str:
    """Where the model of a name in params.yaml comes from, of which nothing else is asked."""
    entry = read_models().get(name)
    return name if entry is None else entry.source


def _content(source: str) -> str:
    """Hash of the files of a `file:` model, or of the weights on the hub; empty for others.

    Those of the hub that cannot be asked for are told by whoever needs them.
    """
    parsed = sources.parse(source)
    if parsed.scheme == "file":
        return path_hash(sources.fetch(parsed, machine.downloads()))
    if parsed.scheme == "hub":
        with contextlib.suppress(SourceError):
            return hub_weights(parsed).content
    return ""


def _facts(source: str, half: Half | None) -> dict[str, Any]:
    check_files(source)
    return asdict(facts_of(config_of(source), source, half))
