"""A folder that somebody brings as a model: what is in it, before anything of it is loaded."""

import json
from pathlib import Path

from lm_geometry.models.facts import NotReadError
from lm_geometry.models.local_files import LFS_POINTER

ADAPTERS, CONFIG = "adapter_config.json", "config.json"


def check_folder(folder: Path, name: str) -> None:
    """Raises NotReadError for a folder that is no model in Hugging Face layout.

    These are adapters alone or beside a model, quantised weights, and models with code of their
    own.
    """
    if not folder.is_dir():
        raise NotReadError(
            f"model.name: {name} is a file; a model is a folder in Hugging Face layout "
            "(config.json, weights, tokenizer), or a .gguf file"
        )
    config, adapters = folder / CONFIG, folder / ADAPTERS
    there = adapters if adapters.exists() else None
    check_model_files(config if config.exists() else None, there, name)


def check_model_files(config: Path | None, adapters: Path | None, name: str) -> None:
    """Raises NotReadError by a model's config and that of adapters, as far as they are there."""
    if adapters is not None:
        base = _json(adapters, name).get("base_model_name_or_path") or "their base"
        if config is not None:
            raise NotReadError(
                f"model.name: {name} has adapters ({ADAPTERS}) beside a model, and which of both "
                "is meant is not clear: merge them, or take one away"
            )
        raise NotReadError(
            f"model.name: {name} holds adapters alone, of {base}: merge them into it with PEFT "
            "(merge_and_unload, then save_pretrained, and the tokenizer's) and name that folder"
        )
    if config is None:
        raise NotReadError(f"model.name: {name} has no config.json: it is no model's folder")
    check_config(_json(config, name), name)


def check_config(config: dict[str, object], name: str) -> None:
    """Raises NotReadError for a config of quantised weights, or of a model with its own code."""
    from transformers import CONFIG_MAPPING

    quantised = config.get("quantization_config")
    if quantised:
        method = quantised.get("quant_method", "") if isinstance(quantised, dict) else ""
        raise NotReadError(
            f"model.name: the weights of {name} are quantised ({method or 'in its config'}), and "
            "are read as float32 alone: take the original model, or a .gguf file"
        )
    kind = config.get("model_type")
    if kind not in CONFIG_MAPPING:
        own = " and comes with code of its own, which is never run" if "auto_map" in config else ""
        raise NotReadError(
            f"model.name: {name} is a {kind or 'model without a model_type'}, which this version "
            f"of transformers does not have{own}"
        )


def _json(file: Path, name: str) -> dict[str, object]:
    text = file.read_bytes()
    if text.startswith(LFS_POINTER):
        raise NotReadError(
            f"model.name: {file.name} of {name} is a pointer of Git LFS: `git lfs pull` brings it"
        )
    try:
        found = json.loads(text.decode("utf-8"))  # the only encoding that transformers reads
    except (ValueError, RecursionError) as error:
        raise NotReadError(f"model.name: {file.name} of {name} is no JSON: {error}") from None
    return found if isinstance(found, dict) else {}
