"""The families that were judged, and of the others what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from lm_geometry.studies.signals.courses import FamilyRuns
from lm_geometry.studies.signals.judging import Found


@dataclass(frozen=True)
class JudgedFamilies:
    """By name: runs and verdicts of whole families, and a sentence on each of the others."""

    runs: Mapping[str, FamilyRuns]
    found: Mapping[str, Found]
    missing: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """All of them, in the order in which pages have them."""
        return sorted({*self.found, *self.missing})
