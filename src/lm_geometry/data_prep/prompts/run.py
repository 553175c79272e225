"""The part of data-prep that chooses prompts and writes data/prompts."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.data_prep.corpora.catalogue import resolve
from lm_geometry.data_prep.model_names import resolve as resolve_model
from lm_geometry.data_prep.model_names import source_of
from lm_geometry.data_prep.params import DataPrep, Model, Prompts
from lm_geometry.data_prep.prompts.block_orders import block_orders
from lm_geometry.data_prep.prompts.draw import draw, long_enough
from lm_geometry.data_prep.prompts.texts import texts_of
from lm_geometry.models.load import longest_input, tokenizer_of
from lm_geometry.models.sources import SourceError
from lm_geometry.outs.data_prep.corpora import shareable
from lm_geometry.outs.data_prep.prompts import PreparedPrompts, PromptIndex, folder
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import make_private, private_folder
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.paths import corpus_names, name_of, names_of
from lm_geometry.workspace.tables import write_table


def prepare_prompts(
    settings: Prompts, data: DataPrep, model: Model, longest: int = 0
) -> dict[str, int]:
    """Numbers of texts, of those long enough under every tokenizer, and of prompts; data/prompts.

    The tokenizers are those of `settings.tokenizers` and of the run's own model, which reads
    `longest` tokens at most (0: that is asked of it). With `count` 0, or for a model that cannot
    read so many tokens, nothing is read, and the tables are written without rows; the index says
    why. Raises ValueError where fewer texts are long enough than `count`, or none.
    """
    names = names_of([*settings.tokenizers, model.name])
    nothing = _why_none(settings, model, longest)
    if nothing:
        settings = settings.model_copy(update={"count": 0})
    texts: Any = _no_texts() if nothing else _texts(settings, data)
    tokenizers = (
        {own: tokenizer_of(source_of(name)) for name, own in names.items()} if len(texts) else {}
    )
    lengths = long_enough(texts, tokenizers, settings.tokens) if len(texts) else _no_lengths()
    candidates = lengths["prompt"].unique().astype(np.int64)
    chosen = draw(candidates, settings.count, settings.seed)
    prompts = texts[texts["prompt"].isin(chosen)].reset_index(drop=True)
    whole = data.model_copy(update={"prompts": settings})
    index = PromptIndex(
        corpus=corpus_names(whole.model_dump())[settings.corpus],
        split=settings.split,
        unit=settings.unit,
        tokens=settings.tokens,
        shuffles=settings.shuffles,
        tokenizers=list(names.values()),
        seed=settings.seed,
        nothing=nothing,
    )
    index = _with_texts(index, prompts, resolve(settings.corpus).redistribute)
    orders = block_orders(chosen.tolist(), settings.shuffles, settings.seed, data.order)
    characters = prompts["text"].str.len().astype(np.int64)
    table = prompts.drop(columns="text").assign(characters=characters)
    if index.private:
        table["document"] = [shareable(name) for name in table["document"]]
    PreparedPrompts(index, table, lengths, orders).write()
    counts = {"texts": len(texts), "long_enough": len(candidates), "prompts": len(chosen)}
    print(f"prompts: {nothing or f'{index.corpus} {index.split}: {counts}'}", flush=True)
    return counts


def _why_none(settings: Prompts, model: Model, longest: int) -> str:
    """Why there are no prompts, or an empty string."""
    if settings.count == 0:
        return "data_prep.prompts.count is 0"
    longest = longest or longest_input(resolve_model(model, seed=0))
    if settings.tokens <= longest:
        return ""
    return (
        f"{name_of(model.name)} reads at most {longest} tokens, "
        f"and data_prep.prompts.tokens is {settings.tokens}"
    )


def _texts(settings: Prompts, data: DataPrep) -> pd.DataFrame:
    entry = resolve(settings.corpus)
    try:
        return texts_of(settings.corpus, entry, settings, data, machine.downloads())
    except (SourceError, ValueError) as error:
        raise SystemExit(str(error)) from None


def _with_texts(index: PromptIndex, prompts: pd.DataFrame, redistribute: bool) -> PromptIndex:
    """Write the texts below data/prompts, or by their hash in the machine's own folder."""
    table = prompts.filter(["prompt", "text"])
    if redistribute or prompts.empty:
        write_table(index.texts(folder()), table)
        return index
    store = private_folder(machine.private_texts())
    with tempfile.TemporaryDirectory(dir=store, suffix=".tmp") as temporary:
        file = Path(temporary) / "texts.parquet"
        write_table(file, table)
        index = replace(index, private=path_hash(file))
        make_private(file)
        file.replace(index.texts(folder()))
    return index


def _no_texts() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prompt": np.empty(0, np.int64),
            "document": pd.Series([], dtype="str"),
            "sequence": np.empty(0, np.int64),
            "sequences": np.empty(0, np.int64),
            "text": pd.Series([], dtype="str"),
        }
    )


def _no_lengths() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prompt": np.empty(0, np.int64),
            "tokenizer": pd.Series([], dtype="str"),
            "tokens": np.empty(0, np.int64),
        }
    )
