"""What of params.yaml and of the catalogue is valid by itself: all that a rule looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.params.sections import Params


class SectionNotValidError(AttributeError):
    """A section is wrong by itself, which is told already."""


class ValidSections(Params):
    """The sections that are valid; asking for another raises `SectionNotValidError`."""

    if not TYPE_CHECKING:  # for the type checker every section is there

        def __getattr__(self, name: str) -> None:
            if name in Params.model_fields:
                raise SectionNotValidError(name)
            return super().__getattr__(name)


@dataclass(frozen=True)
class Catalogue:
    """The valid entries of the catalogue by alias; `root` is where relative `file:` paths start.

    `resolved` is what data-prep found in a model that is no alias, once it did. `prepared` says
    that the corpora below `root` are those of these parameters: those of an earlier run may have
    other columns.
    """

    models: dict[str, ModelEntry]
    corpora: dict[str, Corpus]
    root: Path
    resolved: dict[str, Any] = field(default_factory=dict)
    prepared: bool = False


Rule = Callable[[Params, Catalogue], Iterator[str]]
