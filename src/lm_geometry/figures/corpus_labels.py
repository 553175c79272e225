"""How figures call corpora: by their labels in catalogue/corpora.yaml; tables keep the names."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from lm_geometry.workspace.section import ROOT, read_yaml

FIELDS = ("corpus", "control")  # of a figure's rows, which name a corpus


def corpus_labels(names: Iterable[str]) -> dict[str, str]:
    """How legends and panels call corpora: by their labels in the catalogue, as short as may be.

    One keeps its name where it has no label, or where two would be called alike.
    """
    labels = {name: catalogue_labels().get(name, name) for name in names}
    short = {name: label.partition(" (")[0] for name, label in labels.items()}
    return {name: _own(name, short) or _own(name, labels) or name for name in labels}


def labelled(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """The rows of a figure with the labels of their corpora."""
    labels = corpus_labels(
        dict.fromkeys(str(row[field]) for row in rows for field in FIELDS if row.get(field))
    )
    return [
        {**row, **{field: labels[str(row[field])] for field in FIELDS if row.get(field)}}
        for row in rows
    ]


@cache
def catalogue_labels() -> dict[str, str]:
    """The label of each corpus of the catalogue that has one."""
    entries = read_yaml(ROOT / "catalogue" / "corpora.yaml")
    return {name: entry["label"] for name, entry in entries.items() if entry.get("label")}


def _own(name: str, labels: dict[str, str]) -> str:
    """The label of a corpus, or nothing where another has it as well."""
    return labels[name] if Counter(labels.values())[labels[name]] == 1 else ""
