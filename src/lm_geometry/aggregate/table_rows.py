"""What a row of each table of a run has, as far as figures show it."""

from typing import TypedDict


class Cell(TypedDict):
    """What every row of a table of the run tells of its place."""

    checkpoint: str
    corpus: str
    split: str
    layer: int
    exclude: str


class ScaleRow(Cell):
    """A row of the means of GRIDE."""

    scale: float
    mean: float
    lower: float
    upper: float


class MeanRow(Cell):
    """A row of the means."""

    mean: float
    lower: float
    upper: float


class ChangeRow(MeanRow):
    """A row of the changes since base."""

    adjusted_p_value: float


class DifferenceRow(ChangeRow):
    """A row of the differences of differences."""

    control: str


class CorrelationRow(Cell):
    """A row of the correlations with the loss."""

    level: str
    method: str
    correlation: float
    lower: float
    upper: float


class GroupRow(MeanRow):
    """A row of the groups of tokens; `place` is its place among those of its grouping."""

    group: str
    place: int
    values: int
