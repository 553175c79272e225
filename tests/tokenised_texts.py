"""The shared texts as a corpus, as a token table, and as what data-prep and finetune write."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset

from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus, tokenise
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.corpora import CorpusSplit, EvaluatedCorpora, write_evaluated
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.hashes import path_hash
from tests.conftest import TEXTS, TinyModel


def corpus_of(texts: list[str] = TEXTS) -> pd.DataFrame:
    documents = [f"document-{i // 2}" for i in range(len(texts))]
    return pd.DataFrame({"text": texts, "document": documents})


def settings_of(**changes: Any) -> Embed:
    return Embed.model_validate({"keep_tokens": "all", **changes})


def tokenised(
    tiny: TinyModel, settings: Embed, texts: list[str] = TEXTS, seed: int = 0
) -> TokenisedCorpus:
    tokenizer = load_tokenizer(tiny.source)
    return tokenise(corpus_of(texts), tokenizer, settings, np.random.default_rng(seed))


def prepare_corpora(texts: dict[str, list[str]]) -> None:
    """What data-prep and an untrained finetune stage would have written."""
    splits = [_prepared(name, Dataset.from_pandas(corpus_of(texts[name]))) for name in texts]
    write_evaluated(EvaluatedCorpora(splits))
    write_json(paths.CHECKPOINTS / "index.json", {"steps": [], "task": "none"})


def _prepared(name: str, dataset: Dataset) -> CorpusSplit:
    """A saved split; that of `secret` stands outside of data/, under the hash of its content."""
    split = CorpusSplit(name, "test")
    save(dataset, split.folder())
    if name != "secret":
        return split
    private = CorpusSplit(name, "test", path_hash(split.folder()))
    private.folder().parent.mkdir(parents=True, exist_ok=True)
    split.folder().replace(private.folder())
    return private


def stored_files(project: Path) -> list[Path]:
    folders = ("hidden_states", "losses", "tokens")
    files = [f for name in folders for f in (project / "data" / name).rglob("*")]
    return [file for file in files if file.is_file()]
