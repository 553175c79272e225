"""Section `aggregate`: what tables and figures show."""

from typing import ClassVar, Literal

from pydantic import Field

from lm_geometry.params.section import Section


class Aggregate(Section):
    """What the figures of one checkpoint and one layer show."""

    name_in_params: ClassVar[str] = "aggregate"

    checkpoint: int | Literal["last", "base"] = Field(
        "last", description="checkpoint compared with base in figures and headline metrics"
    )
    layer: int | Literal["last"] = Field(
        "last", description="layer of headline metrics, violins and GRIDE scales"
    )
    n_neighbors: int | float | Literal["last"] = Field(
        "last", description="L of figures and headline metrics; one of estimate.n_neighbors"
    )
    confidence: float = Field(0.95, gt=0, lt=1, description="coverage of the intervals")
