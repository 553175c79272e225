"""The only place that knows where a file is."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lm_geometry.workspace.section import ROOT

DATA = ROOT / "data"
METRICS = ROOT / "metrics"
PLOTS = ROOT / "plots"
SUMMARY = METRICS / "summary.json"
PICTURES = PLOTS / "svg"
PRIVATE_PICTURES = PLOTS / "private"  # of text that may not be passed on: no out, not in git

MODEL = DATA / "model.json"
TRAINING = DATA / "training"
CORPORA = DATA / "corpora"
PROMPTS = DATA / "prompts"
CHECKPOINTS = DATA / "checkpoints"
HIDDEN_STATES = DATA / "hidden_states"
PROMPT_NEIGHBOURS = DATA / "prompt_neighbours"
QUERY_NEIGHBOURS = DATA / "query_neighbours"
LOSSES = DATA / "losses"
TRAINING_RUN = DATA / "training_run"
LOSS_CURVE = TRAINING_RUN / "loss_curve.json"
SCORES = TRAINING_RUN / "scores.json"
TOKENS = DATA / "tokens"
CLOUDS = DATA / "clouds"
ESTIMATES = DATA / "estimates"
TABLES = DATA / "tables"

# Endings that tell a format and are no part of a name; `.1-8B` of `Llama-3.1-8B` is none.
FORMATS = re.compile(
    r"(\.(jsonl|ndjson|csv|tsv|parquet|txt|zip|gguf|safetensors))?(\.(gz|bz2|xz|zst))?$", re.I
)
_NAMED = re.compile(r"((?:file|hub):.+\S)\s+as\s+([a-z0-9-]+)")
COLUMNS = ("column", "document_column", "label_column")  # that a corpus's own line may name
_COLUMN = re.compile(rf"\s*,\s*({'|'.join(COLUMNS)})\s*=\s*([^,]*[^,\s])\s*$")
LONGEST_NAME = 120  # bytes; file names, which have 255, hold more than the name


def source_and_name(reference: str) -> tuple[str, str]:
    """The source of a corpus, and the name that `file:PATH as NAME` gives it; empty where none.

    Columns that follow, as in `file:PATH as NAME, column=abstract`, belong to neither.
    """
    reference = _without_columns(reference)[0]
    found = _NAMED.fullmatch(reference)
    return (found[1], found[2]) if found else (reference, "")


def columns_of(reference: str) -> dict[str, str]:
    """The columns that the line of a corpus names, such as `file:PATH, document_column=page`."""
    return _without_columns(reference)[1]


def _without_columns(reference: str) -> tuple[str, dict[str, str]]:
    found: dict[str, str] = {}
    while reference.startswith(("file:", "hub:")) and (last := _COLUMN.search(reference)):
        found = {last[1]: last[2]} | found
        reference = reference[: last.start()]
    return reference, found


def name_of(reference: str) -> str:
    """The name of a model or corpus in paths and tables: `hub:org/Name@v1.5` gives `org-name-v1.5`.

    An alias stays as it is, and so does NAME of `file:PATH as NAME`; of another `file:` only the
    last part of its path counts, without the ending of a format; columns never do. Letters of any
    alphabet, numbers and dots are kept, all else becomes a hyphen. A name of which nothing is left,
    or that no file system would take, ends with a hash.
    """
    source, given = source_and_name(reference)
    if given:
        return given
    text = unicodedata.normalize("NFC", source)
    if text.startswith("file:"):
        text = FORMATS.sub("", PurePosixPath(text.removeprefix("file:")).name)
    else:
        text = text.partition(":")[2] or text
    kept = "".join(c if c == "." or unicodedata.category(c)[0] in "LMN" else "-" for c in text)
    # Lower case may be longer, and composed otherwise.
    name = unicodedata.normalize("NFC", kept.lower())
    name = re.sub("-+", "-", name).strip("-.")
    if name and len(name.encode()) <= LONGEST_NAME:
        return name
    start = name.encode()[: LONGEST_NAME - 7].decode(errors="ignore")
    return f"{start}-{_short_hash(reference)}".strip("-.")


def names_of(references: Iterable[str]) -> dict[str, str]:
    """The name of each model or corpus of one run, never the same for two of them.

    Where `name_of` gives one name to several, all of them but an alias end with a hash of what they
    stand for.
    """
    names = {reference: name_of(reference) for reference in references}
    shared = Counter(names.values())
    return {
        reference: f"{name}-{_short_hash(reference)}"
        if shared[name] > 1 and ":" in reference
        else name
        for reference, name in names.items()
    }


def corpus_names(data_prep: Mapping[str, Any]) -> dict[str, str]:
    """The name of every corpus that the section `data_prep` of params.yaml asks for."""
    prompts = (data_prep.get("prompts") or {}).get("corpus")
    named = [data_prep.get("train"), *data_prep.get("evaluate", []), prompts]
    return names_of(reference for reference in named if reference)


def _short_hash(reference: str) -> str:
    return hashlib.sha256(reference.encode(errors="surrogateescape")).hexdigest()[:6]


def within(path: Path) -> str:
    """The name of a workspace's file in every revision, such as `data/model.json`."""
    return path.relative_to(ROOT).as_posix()


def layer_file(layer: int) -> str:
    """File name of one layer's array; layer -1 is the combination of several."""
    return "layer-combined.npy" if layer < 0 else f"layer-{layer:02d}.npy"


def cell(folder: Path, checkpoint: str, corpus: str, split: str) -> Path:
    """Folder of one (checkpoint, corpus split) below a stage's out."""
    return folder / checkpoint / f"{corpus}-{split}"


def tokens(corpus: str, split: str) -> Path:
    """Token table of one corpus split, whose rows are those of its hidden states."""
    return TOKENS / f"{corpus}-{split}.parquet"


def losses(checkpoint: str, corpus: str, split: str) -> Path:
    """Per-token losses `[tokens]` of one (checkpoint, corpus split)."""
    return LOSSES / checkpoint / f"{corpus}-{split}.npy"


def table(name: str) -> Path:
    """One of the tables that aggregate writes, such as `means`."""
    return TABLES / f"{name}.parquet"


def figure_data(name: str) -> Path:
    """The records behind one figure, such as `local_estimates`."""
    return PLOTS / f"{name}.json"
