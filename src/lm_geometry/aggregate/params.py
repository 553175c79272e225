"""Section `aggregate`: what tables and figures show."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from lm_geometry.workspace.layers import OneLayer
from lm_geometry.workspace.section import Section


class Bootstrap(Section):
    """Resampling behind the intervals of correlations that have no jackknife."""

    draws: int = Field(500, ge=100, description="resamples")
    resample: Literal["sequences", "documents"] = Field(
        "documents", description="what is drawn anew; never single tokens"
    )
    seed: int = Field(0, ge=0, description="which resamples")


class Groups(Section):
    """Estimates by token, label, part of speech."""

    by: list[str] = Field(
        ["token", "label", "tag", "part_of_speech"],
        description="columns of the token table; those that a corpus has not are passed over",
    )
    fewest_tokens: int = Field(10, gt=0, description="smaller groups are left out")
    listed: int = Field(10, gt=0, description="tokens listed at either end, and of each cluster")


class TokenClusters(Section):
    """One-dimensional clusters of local estimates."""

    counts: list[int] = Field([1, 2, 3, 5, 10], description="numbers of clusters; [] makes none")
    seed: int = Field(0, ge=0, description="starts of k-means")

    @field_validator("counts")
    @classmethod
    def _counts_are_positive(cls, counts: list[int]) -> list[int]:
        if min(counts, default=1) < 1 or len(set(counts)) < len(counts):
            raise ValueError("whole numbers from 1 are needed, none of them twice")
        return counts


class Aggregate(Section):
    """What the figures of one checkpoint and one layer show."""

    name_in_params: ClassVar[str] = "aggregate"

    checkpoint: int | Literal["last", "base"] = Field(
        "last", description="checkpoint compared with base in figures and headline metrics"
    )
    layer: OneLayer = Field(
        "last",
        description="layer of headline metrics, violins and GRIDE scales; a share of the model's "
        "depth, such as 67%, is the embedded layer nearest to it",
    )
    n_neighbors: int | float | Literal["last"] = Field(
        "last", description="L of figures and headline metrics; one of estimate.n_neighbors"
    )
    exclude: str = Field(
        "first",
        description="reading of figures and headline metrics: one of estimate.exclude, of which "
        "first is the first; the published reading, none, is shown beside it where it was computed",
    )
    weight: Literal["tokens", "documents"] = Field(
        "tokens",
        description="what counts alike in means and changes: every token, or every document, "
        "whose own mean counts once",
    )
    confidence: float = Field(0.95, gt=0, lt=1, description="coverage of the intervals")
    bootstrap: Bootstrap = Field(
        default_factory=lambda: Bootstrap.model_validate({}), description="resampling"
    )
    groups: Groups = Field(
        default_factory=lambda: Groups.model_validate({}), description="groups of tokens"
    )
    clusters: TokenClusters = Field(
        default_factory=lambda: TokenClusters.model_validate({}),
        description="clusters of estimates",
    )
