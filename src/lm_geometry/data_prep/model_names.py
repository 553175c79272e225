"""From a model's name in params.yaml to its source."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.hub_files import hub_file
from lm_geometry.data_prep.model_checks import check_files
from lm_geometry.data_prep.model_folder import CONFIG
from lm_geometry.data_prep.params import Model
from lm_geometry.models import sources
from lm_geometry.models.catalogue import read_models
from lm_geometry.models.facts import Half, facts_of
from lm_geometry.models.hub_errors import hub_errors
from lm_geometry.models.hub_weights import hub_weights
from lm_geometry.models.load import config_of
from lm_geometry.models.local_files import SourceError
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import read_json
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
    facts |= _pinned(facts["source"], model.weights == "pretrained")
    name = name_of(model.name)
    half = model.half or ""
    return ModelSource(name=name, weights=model.weights, seed=seed, half=half, **facts)


def source_of(name: str) -> str:
    """Where the model of a name in params.yaml comes from, of which nothing else is asked."""
    entry = read_models().get(name)
    return name if entry is None else entry.source


def moved(source: ModelSource, earlier: Path | None) -> str:
    """What has changed of a hub model since `earlier`, the record of it that DVC saved last.

    Empty where nothing has, where another model was recorded, or none.
    """
    try:
        known = ModelSource(**read_json(earlier)) if earlier else None
    except (ValueError, TypeError):  # of another version of this code
        return ""
    if known is None or not source.asked or source.asked != known.asked:
        return ""
    if source.source == known.source:
        return ""
    what = "the same weights" if source.content == known.content else "other weights"
    return (
        f"{source.asked} has moved on the hub since it was read last: it is {source.source} now, "
        f"with {what}, and all results are made of that; model.name={known.source} names what was "
        "read before"
    )


def _pinned(source: str, weights_are_read: bool) -> dict[str, Any]:
    """Hash of the files of a `file:` model, or of the weights on the hub, and their commit.

    A branch may move; by the commit all stages read what was found now. Weights of the hub that
    cannot be asked for are told by whoever loads them.
    """
    parsed = sources.parse(source)
    if parsed.scheme == "file":
        return {"content": path_hash(sources.fetch(parsed, machine.downloads()))}
    if parsed.scheme != "hub":
        return {}
    try:
        found = hub_weights(parsed)
    except SourceError as error:
        if weights_are_read:
            print(f"{source}: no commit and no hash of it is recorded: {error}", flush=True)
        return {}
    if found.commit in ("", parsed.revision):  # a mirror may tell none
        return {"content": found.content}
    # By this the hub's cache knows the commit by the name that was asked for, without a network.
    with hub_errors(source):
        hub_file(parsed, CONFIG)
    commit = f"hub:{parsed.location}@{found.commit}"
    return {"source": commit, "content": found.content, "asked": source}


def _facts(source: str, half: Half | None) -> dict[str, Any]:
    check_files(source)
    return asdict(facts_of(config_of(source), source, half))
