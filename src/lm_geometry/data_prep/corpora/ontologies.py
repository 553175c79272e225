"""The slots of a corpus's dialogue states, with the values that each may have."""

import json
from collections.abc import Iterable
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import distinct
from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.reading import reader_of
from lm_geometry.models import sources

Ontology = dict[str, list[str]]  # slot to its values; none where a source leaves them free


def ontology(entry: Corpus, parts: Iterable[Part], downloads: Path) -> Ontology:
    """What the sources of a corpus list; where none does, what the states in `parts` hold.

    Empty for a corpus without states. A slot of a state may be missing among those that are listed:
    only the task dialogue_state needs it, and refuses then.
    """
    used = _used(parts)
    listed: Ontology = {}
    reader = reader_of(entry)
    for text in entry.sources if used and hasattr(reader, "ontology") else []:
        for slot, values in reader.ontology(sources.fetch(sources.parse(text), downloads)).items():
            known = listed.setdefault(slot, [])
            known += [value for value in values if value not in known]
    return listed or used


def _used(parts: Iterable[Part]) -> Ontology:
    """The slots of every state with the values that they have there, both sorted."""
    found: dict[str, set[str]] = {}
    for part in parts:
        for text in distinct(part, "state") if "state" in part.column_names else []:
            state = json.loads(text)
            for slot in state:
                values = found.setdefault(slot, set())
                if isinstance(state, dict) and isinstance(state[slot], str):
                    values.add(state[slot])
    return {slot: sorted(found[slot]) for slot in sorted(found)}
