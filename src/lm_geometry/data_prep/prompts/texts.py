"""The texts that prompts are taken from: documents or sequences of a corpus, numbered."""

from pathlib import Path
from typing import Any

import pandas as pd

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.division import divide, hold_out
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import prepare
from lm_geometry.data_prep.params import DataPrep, Prompts

Parts = dict[str, Part]


def texts_of(
    name: str, entry: Corpus, settings: Prompts, data: DataPrep, downloads: Path
) -> pd.DataFrame:
    """The stripped texts of a corpus: columns prompt, document, sequence, sequences, text.

    `prompt` numbers the documents (or sequences, as `unit` says) from 0 in the order of the
    corpus, empty ones counted, so that for a data set with a text a row it is the row's number;
    `sequence` is the row that the text begins with, and `sequences` how many were joined.

    With a split, these are the texts of its documents alone, held out as in `data_prep`. Short
    sequences are left in, for a document is read as it is. Raises `sources.SourceError` where the
    source cannot be had, and ValueError where it has no such split.
    """
    parts = hold_out(reading.parts(entry, downloads), name, entry, data.split_seed)
    rows = _rows(parts)
    if entry.years is not None:
        rows = rows.loc[rows["year"].between(entry.years[0], entry.years[1])]
    if settings.split != "all":
        rows = _of_split(rows, parts, name, entry, settings, data, downloads)
    joined = settings.unit == "document"
    texts = _documents(rows, settings.joint) if joined else _sequences(rows)
    texts["text"] = texts["text"].str.strip()
    texts.insert(0, "prompt", range(len(texts)))
    return texts.loc[texts["text"] != ""].reset_index(drop=True)


def _rows(parts: Parts) -> pd.DataFrame:
    """Every row of the corpus, its splits one after the other, numbered by `sequence`."""
    tables = []
    for part, own in parts.items():
        names = [name for name in ("text", "document", "year") if name in own.column_names]
        table: Any = own.table(names).to_pandas()
        tables.append(table.assign(part=part, text=table["text"].fillna("")))
    rows = pd.concat(tables, ignore_index=True)
    return rows.assign(sequence=range(len(rows)))


def _of_split(
    rows: pd.DataFrame,
    parts: Parts,
    name: str,
    entry: Corpus,
    settings: Prompts,
    data: DataPrep,
    downloads: Path,
) -> pd.DataFrame:
    """Rows of the split's documents; of the source's own split where it has one."""
    split = str(settings.split)
    if entry.splits == "native" or (entry.splits == "auto" and len(parts) > 1):
        own = divide(parts, name, entry, split, data)
        part = next(part for part, found in parts.items() if found is own)
        return rows.loc[rows["part"] == part]
    if data.order == "paper":
        raise ValueError(
            f"data_prep.prompts.split: {split!r} is not possible with data_prep.order paper, which "
            f"puts sequences of one document of {name} into several splits: all"
        )
    whole = data.model_copy(update={"choose": "take_first", "keep": "all", "context": 0})
    prepared = prepare(name, entry, split, "all", whole, downloads).dataset
    return rows.loc[rows["document"].isin(list(set(prepared["document"])))]


def _documents(rows: pd.DataFrame, joint: str) -> pd.DataFrame:
    """A row per document, its sequences joined in their order."""
    groups = rows.groupby(["part", "document"], sort=False)
    columns = {
        "sequence": groups["sequence"].first(),
        "sequences": groups.size(),
        "text": groups["text"].agg(joint.join),
    }
    return pd.DataFrame(columns).reset_index().drop(columns="part")


def _sequences(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(sequences=1).filter(["document", "sequence", "sequences", "text"])
