"""What data-prep found in a model, for the rules that ask for a model's facts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.outs.data_prep.model import read_record
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params

HALVES = "encoder or decoder"


def read_resolved(
    raw: dict[str, Any], root: Path, models: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """data/model.json of a project, where it is of the model that params.yaml names; else empty.

    `models` are the entries of the catalogue, whose aliases stand for sources.
    """
    model, found = raw.get("model"), read_record(root)
    if not isinstance(model, dict):
        return {}
    name = model.get("name")
    entry = (models or {}).get(name) if isinstance(name, str) else None
    same = found.get("source") == (entry.get("source") if isinstance(entry, Mapping) else name)
    return found if same and found.get("half", "") == (model.get("half") or "") else {}


def entry_of(record: dict[str, Any]) -> ModelEntry:
    """The facts of a model that is no alias, as those of one."""
    facts = {key: record[key] for key in ("source", "kind", "layers", "width", "label")}
    return ModelEntry.model_construct(None, **facts, licence="", note="")


def half_is_told(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Of an encoder-decoder one half is read, and others have none."""
    model, entry = params.model, catalogue.models.get(params.model.name)
    if entry is None:
        return
    if entry.kind == "encoder-decoder" and model.half is None:
        yield f"model.half: null, and {model.name} is an encoder-decoder: {HALVES}"
    if entry.kind != "encoder-decoder" and model.half is not None:
        yield f"model.half: {model.half}, and {model.name} has no halves ({entry.kind}): null"


def texts_fit_model(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """Texts are cut to what the model reads, and masked where its tokenizer has a mask."""
    longest, finetune = catalogue.resolved.get("longest") or 0, params.finetune
    asked = [("embed.max_length", params.embed.max_length)]
    if finetune.task not in ("none", "modular_arithmetic"):
        asked.append(("finetune.block_tokens", finetune.block_tokens))
    for key, tokens in asked:
        if longest and tokens > longest:
            yield f"{key}: {tokens}, and {params.model.name} reads at most {longest} tokens"
    if catalogue.resolved.get("masks", True):
        return
    if params.embed.mode == "masked_token":
        yield f"embed.mode: the tokenizer of {params.model.name} has no mask token: regular"
    if finetune.task == "masked_lm":
        yield (
            f"finetune.task: masked_lm needs a mask token, and the tokenizer of "
            f"{params.model.name} has none: a classification task or none"
        )
