"""Errors that no single section shows: whether the sections and the catalogue agree."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.params.aggregate import Aggregate
from lm_geometry.params.corpora import Corpus
from lm_geometry.params.data_prep import DataPrep
from lm_geometry.params.embed import Embed
from lm_geometry.params.estimate import Estimate
from lm_geometry.params.explain import nearest
from lm_geometry.params.finetune import Finetune
from lm_geometry.params.model import Model
from lm_geometry.params.models import ModelEntry
from lm_geometry.params.token_sample import TokenSample
from lm_geometry.paths import name_of

SCHEMES = ("hub:", "file:")


def disagreements(
    sections: dict[str, Any],
    models: dict[str, ModelEntry],
    corpora: dict[str, Corpus],
    root: Path,
) -> list[str]:
    """A sentence for each disagreement; sections that are themselves wrong are passed over."""
    found: list[str] = []
    for rule, names in RULES:
        if all(name in sections for name in names):
            arguments = [sections[name] for name in names]
            found += rule(*arguments, models=models, corpora=corpora, root=root)
    return [f"params.yaml: {sentence}" for sentence in found]


def _model_is_known(
    model: Model, *, models: dict[str, ModelEntry], root: Path, **_: Any
) -> Iterator[str]:
    if not model.name.startswith(SCHEMES) and model.name not in models:
        near = nearest(model.name, list(models))
        yield f"model.name: {model.name!r} is not in catalogue/models.yaml{near}"
    elif model.name.startswith("file:") and not _local(model.name, root).exists():
        yield f"model.name: there is no {_local(model.name, root)}"


def _corpora_are_known(
    data: DataPrep, *, corpora: dict[str, Corpus], root: Path, **_: Any
) -> Iterator[str]:
    named = [("data_prep.train", data.train)]
    named += [(f"data_prep.evaluate.{i}", name) for i, name in enumerate(data.evaluate)]
    for key, name in named:
        if not name.startswith(SCHEMES) and name not in corpora:
            near = nearest(name, list(corpora))
            yield f"{key}: {name!r} is not in catalogue/corpora.yaml{near}"
        elif name.startswith("file:") and not _local(name, root).exists():
            yield f"{key}: there is no {_local(name, root)}"


def _layers_exist(
    model: Model,
    embed: Embed,
    aggregate: Aggregate,
    *,
    models: dict[str, ModelEntry],
    root: Path,
    **_: Any,
) -> Iterator[str]:
    depth = _number_of_layers(model, models, root)
    if depth is None:
        return
    asked = [] if embed.layers == "all" else embed.layers
    for layer in asked:
        if not -depth - 1 <= layer <= depth:
            yield (
                f"embed.layers: {model.name} has no layer {layer}; "
                f"its hidden states are 0 … {depth} (or -1 … {-depth - 1} from the end)"
            )
    kept = {layer % (depth + 1) for layer in asked}
    if len(kept) < len(asked):
        yield f"embed.layers: {asked} names a layer twice"
    shown = aggregate.layer
    if shown == "last" or embed.combine_layers != "none":
        return
    if not -depth - 1 <= shown <= depth or (kept and shown % (depth + 1) not in kept):
        there = sorted(kept) or f"0 … {depth}"
        yield f"aggregate.layer: {shown} is not in embed.layers {there}"


def _blocks_exist(
    model: Model, finetune: Finetune, *, models: dict[str, ModelEntry], root: Path, **_: Any
) -> Iterator[str]:
    depth = _number_of_layers(model, models, root)
    adapted = finetune.lora.layers
    if depth is None or adapted == "all" or finetune.task == "none" or finetune.method != "lora":
        return
    beyond = [block for block in adapted if not 0 <= block < depth]
    if beyond:
        yield (
            f"finetune.lora.layers: {model.name} has no block {beyond[0]}; "
            f"its blocks are 0 … {depth - 1} (or all)"
        )


def _task_fits_model(
    model: Model, finetune: Finetune, *, models: dict[str, ModelEntry], **_: Any
) -> Iterator[str]:
    entry = models.get(model.name)
    wanted = {"encoder": "masked_lm", "decoder": "causal_lm"}
    if entry and finetune.task not in ("none", wanted[entry.kind]):
        yield (
            f"finetune.task: {finetune.task!r} does not fit {model.name}, "
            f"which is an {entry.kind}: {wanted[entry.kind]} or none".replace("an d", "a d")
        )


def _checkpoints_are_trained(
    finetune: Finetune, embed: Embed, aggregate: Aggregate, **_: Any
) -> Iterator[str]:
    trained = [] if finetune.task == "none" else sorted(set(finetune.checkpoints))
    if finetune.task != "none" and not trained:
        yield "finetune.checkpoints: no step is listed; finetune.task none trains nothing"
    if trained and (trained[0] < 1 or trained[-1] > finetune.steps):
        yield (
            f"finetune.checkpoints: {finetune.checkpoints} must lie within "
            f"1 … finetune.steps = {finetune.steps}"
        )
    embedded = trained if embed.checkpoints == "all" else embed.checkpoints
    for step in embedded:
        if step not in trained:
            yield f"embed.checkpoints: {step} is not in finetune.checkpoints {trained}"
    shown = aggregate.checkpoint
    if isinstance(shown, int) and shown not in embedded:
        yield f"aggregate.checkpoint: {shown} is not among the embedded checkpoints {embedded}"


def _neighbourhoods_fit(
    sample: TokenSample, estimate: Estimate, aggregate: Aggregate, **_: Any
) -> Iterator[str]:
    for size in estimate.n_neighbors:
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


def _scales_fit(sample: TokenSample, estimate: Estimate) -> Iterator[str]:
    span = estimate.gride_range
    if span & (span - 1) or span == 1:
        yield f"estimate.gride_range: {span} is not a power of 2 (2, 4 … 256), or 0 for none"
    elif span >= sample.points:
        yield f"estimate.gride_range: {span} must be below token_sample.points = {sample.points}"
    if sample.prepared < sample.points:
        yield (
            f"token_sample.prepared: {sample.prepared} is below "
            f"token_sample.points = {sample.points}"
        )


def _nothing_is_there_twice(
    data: DataPrep, sample: TokenSample, estimate: Estimate, **_: Any
) -> Iterator[str]:
    """Corpora count by their names in paths, which two references may share."""
    lists: dict[str, list[Any]] = {
        "data_prep.evaluate": [name_of(name) for name in data.evaluate],
        "data_prep.splits": data.splits,
        "token_sample.seeds": sample.seeds,
        "estimate.estimators": estimate.estimators,
        "estimate.n_neighbors": estimate.n_neighbors,
        "estimate.global_estimators": estimate.global_estimators,
    }
    for key, values in lists.items():
        for value in dict.fromkeys(values):
            if values.count(value) > 1:
                yield f"{key}: {value} is there twice"


def _numbers_are_possible(
    finetune: Finetune, embed: Embed, sample: TokenSample, estimate: Estimate, **_: Any
) -> Iterator[str]:
    counts = {"embed.keep_tokens": embed.keep_tokens, "estimate.lpca.tokens": estimate.lpca.tokens}
    for key, count in counts.items():
        if isinstance(count, int) and count < 1:
            yield f"{key}: {count} must be 1 or more, or all"
    if min(sample.seeds) < 0:
        yield f"token_sample.seeds: {min(sample.seeds)} is not a whole number from 0"
    if not all(0 <= beta < 1 for beta in finetune.betas):
        yield f"finetune.betas: {finetune.betas} must be 0 or more and below 1"


def _local(reference: str, root: Path) -> Path:
    return root / Path(reference.removeprefix("file:")).expanduser()


def _number_of_layers(model: Model, models: dict[str, ModelEntry], root: Path) -> int | None:
    """The depth where it can be known without loading anything, else None."""
    if model.name in models:
        return models[model.name].layers
    config = _local(model.name, root) / "config.json"
    if model.name.startswith("file:") and config.is_file():
        read = json.loads(config.read_text())
        return read.get("num_hidden_layers") or read.get("n_layer")
    return None


RULES = [
    (_model_is_known, ["model"]),
    (_corpora_are_known, ["data_prep"]),
    (_layers_exist, ["model", "embed", "aggregate"]),
    (_blocks_exist, ["model", "finetune"]),
    (_task_fits_model, ["model", "finetune"]),
    (_checkpoints_are_trained, ["finetune", "embed", "aggregate"]),
    (_neighbourhoods_fit, ["token_sample", "estimate", "aggregate"]),
    (_nothing_is_there_twice, ["data_prep", "token_sample", "estimate"]),
    (_numbers_are_possible, ["finetune", "embed", "token_sample", "estimate"]),
]
