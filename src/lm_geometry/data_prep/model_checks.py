"""What can be known of a model before anything is trained: its files, its size, its tokenizer.

No weight of a large model is loaded: the names and shapes of weights are in the headers of files,
the rest is asked of a small model of the same config class and depth (`models.small`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from lm_geometry.data_prep.hub_files import hub_file
from lm_geometry.data_prep.model_folder import ADAPTERS, CONFIG, check_folder, check_model_files
from lm_geometry.models import sources
from lm_geometry.models.as_recorded import refuse_replaced
from lm_geometry.models.facts import NotReadError, class_with_head
from lm_geometry.models.hub_errors import hub_errors
from lm_geometry.models.load import (
    load_tokenizer,
    local_location,
    longest_input,
    longest_of,
    read_config,
)
from lm_geometry.models.probe import probe_of
from lm_geometry.models.small import small_model
from lm_geometry.models.weight_choice import unread
from lm_geometry.models.weights import check_drawn, check_headers, headers
from lm_geometry.outs.data_prep.model import ModelSource

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Found = TypeVar("Found")

PINNED = ("package", "kept")  # whose hash says what they are: their weights were read before
EMPTY = 1  # ordinary tokens of a tokenizer without files: of some a mark of word starts
USED = ("bos", "eos", "cls", "sep", "mask", "unk")  # tokens that a tokenizer puts in by itself


def checked(source: ModelSource) -> ModelSource:
    """The model with its own depth, width and longest input, after all that can be checked.

    Exits with a sentence for each thing that is wrong with it.
    """
    if source.kind == "arithmetic":
        return source
    if sources.parse(source.source).scheme in PINNED:
        masks = load_tokenizer(source).mask_token_id is not None
        return replace(source, longest=longest_input(source), masks=masks)
    config = read_config(source)
    faults: list[str] = []
    small = _small(source, config)
    known = _tried(faults, lambda: probe_of(source.name, small, source.half)) if small else None
    if known is not None:
        print(f"{source.name}: {known.told()}", flush=True)
        source = replace(source, layers=known.layers)
    _tried(faults, lambda: _check_weights(source, config))
    tokenizer = _tried(faults, lambda: _tokenizer(source))
    if tokenizer is not None:
        _tried(faults, lambda: check_tokenizer(tokenizer, _embeddings(config), source.name))
    if faults or tokenizer is None:
        raise SystemExit("\n".join(faults))
    masks, longest = tokenizer.mask_token_id is not None, longest_of(config, tokenizer, small)
    return replace(source, longest=longest, masks=masks)


def check_files(source: str) -> None:
    """Raises NotReadError for a local folder, or a config, that is no model that can be read."""
    parsed = sources.parse(source)
    if parsed.scheme == "file":
        path = Path(local_location(source)["pretrained_model_name_or_path"])
        check_folder(path, source)
    elif parsed.scheme == "hub":
        with hub_errors(source):
            adapters = hub_file(parsed, ADAPTERS)
            config = hub_file(parsed, CONFIG, required=adapters is None)
        check_model_files(config, adapters, source)


def _tried(faults: list[str], check: Callable[[], Found]) -> Found | None:
    try:
        return check()
    except NotReadError as error:
        faults.append(str(error))
        return None


def _small(source: ModelSource, config: "PreTrainedConfig") -> "PreTrainedModel | None":
    """A small model of this class and depth, or None where none can be drawn."""
    torch.manual_seed(0)
    try:
        return small_model(config, class_with_head(source.kind, config))
    except ValueError as error:
        print(f"{source.name}: {error}; what it does is asked of itself later on", flush=True)
        return None


def _check_weights(source: ModelSource, config: "PreTrainedConfig") -> None:
    model_class = class_with_head(source.kind, config)
    if source.weights == "random":
        return check_drawn(config, model_class, source.name)
    with hub_errors(source.source):
        where = local_location(source.source)
        found = headers(where, source.name)
        check_headers(found, config, model_class, source.name, source.kind)
    if sources.parse(source.source).scheme == "hub":
        refuse_replaced(source)  # the download, or what the cache had already
    folder = Path(where["pretrained_model_name_or_path"])
    if folder.is_dir() and (beside := unread(file.name for file in folder.iterdir())):
        print(f"{source.name}: its safetensors are read, and not {beside} beside them", flush=True)


def _tokenizer(source: ModelSource) -> "PreTrainedTokenizerBase":
    try:
        return load_tokenizer(source)
    except Exception as error:  # `tokenizers` raises no other for a file that it cannot parse
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise NotReadError(
            f"model.name: the tokenizer of {source.name} cannot be loaded ({told[0]}): save "
            "it into the model's folder with save_pretrained"
        ) from None


def _embeddings(config: "PreTrainedConfig") -> int:
    """How many tokens the model has embeddings of, by its config; 0 where it does not tell."""
    found = getattr(config.get_text_config(), "vocab_size", 0)
    return found if isinstance(found, int) else 0


def _tokens(number: int) -> str:
    return "a token" if number == 1 else f"{number} tokens"


def check_tokenizer(tokenizer: "PreTrainedTokenizerBase", known: int, name: str) -> None:
    """Raises NotReadError for a tokenizer whose tokens the model has no embeddings of.

    Nor is one read that transformers makes of nothing, in a folder without a tokenizer's files. A
    padding token may be without one, since any token fills masked places; so may tokens that were
    added and that no text has, of which embed tells where one is found.
    """
    own: Any = tokenizer  # whose attributes transformers leaves open
    added, every = own.get_added_vocab(), own.get_vocab()
    if len(set(every) - set(added) - set(tokenizer.all_special_tokens)) <= EMPTY:
        raise NotReadError(
            f"model.name: there is no tokenizer in {name}: of {len(every)} tokens none is of a "
            "text; save it into the model's folder with save_pretrained"
        )
    if not known:
        return
    pad = tokenizer.pad_token_id
    beyond = {
        token: number for token, number in every.items() if number >= known and token not in added
    }
    for role in USED:
        number = getattr(tokenizer, f"{role}_token_id", None)
        if isinstance(number, int) and number >= known and number != pad:
            beyond[getattr(tokenizer, f"{role}_token")] = number
    if beyond:
        token, number = max(beyond.items(), key=lambda pair: pair[1])
        raise NotReadError(
            f"model.name: the tokenizer of {name} has {_tokens(len(beyond))} beyond the model's "
            f"{known} embeddings, as {token!r} ({number}): it is another model's, or the "
            "embeddings were not resized (resize_token_embeddings) before the model was saved"
        )
