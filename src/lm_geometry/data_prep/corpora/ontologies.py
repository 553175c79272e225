"""The slots of a corpus's dialogue states, with the values that each may have."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import distinct
from lm_geometry.data_prep.corpora.reading import reader_of
from lm_geometry.models import sources

if TYPE_CHECKING:
    from datasets import Dataset

Ontology = dict[str, list[str]]  # slot to its values; none where they are free


def ontology(name: str, entry: Corpus, parts: "Iterable[Dataset]", downloads: Path) -> Ontology:
    """What the sources of a corpus list; where none does, the slots of the states in `parts`.

    Empty for a corpus without states. Raises ValueError for a state with a slot that is not listed.
    """
    used = _slots(parts)
    listed: Ontology = {}
    reader = reader_of(entry)
    for text in entry.sources if used and hasattr(reader, "ontology") else []:
        for slot, values in reader.ontology(sources.fetch(sources.parse(text), downloads)).items():
            known = listed.setdefault(slot, [])
            known += [value for value in values if value not in known]
    if not listed:
        return {slot: [] for slot in used}
    for slot in used:
        if slot not in listed:
            near = get_close_matches(slot, listed, n=1, cutoff=0)
            raise ValueError(
                f"corpus {name}: a state has the slot {slot!r}, which the ontology of its source "
                f"does not have; the nearest there is {near[0]!r}"
            )
    return listed


def _slots(parts: "Iterable[Dataset]") -> list[str]:
    """The slots of every state, sorted."""
    found = set[str]()
    for part in parts:
        if "state" in part.column_names:
            for state in distinct(part, "state"):
                found |= set(json.loads(state))
    return sorted(found)
