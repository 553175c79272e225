"""Section `finetune.watch`: how the local dimensions of a model are measured while it trains."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from lm_geometry.workspace.layers import Layers
from lm_geometry.workspace.section import Section
from lm_geometry.workspace.signals import Signal


class Watch(Section):
    """A measurement of the same held-out tokens at fixed steps, in `plots/training.json` live.

    What is trained does not depend on it, and nothing of it on the clock.
    """

    every: int = Field(50, gt=0, description="steps between two measurements; the first is at 0")
    layers: Layers = Field(
        ["last"], description="hidden states that are measured, named as in embed.layers"
    )
    sequences: Annotated[int, Field(gt=0)] | Literal["all"] = Field(
        64, description="held-out sequences of the training corpus, the first so many, or all"
    )
    points: int = Field(
        2000, gt=2, description="N, tokens that are measured, drawn from twice as many"
    )
    n_neighbors: int = Field(128, gt=1, description="L, neighbours of local TwoNN")
    exclude: Literal["document", "sequence", "token", "document+token", "none"] = Field(
        "document", description="neighbours that do not count: those of the token's own document, …"
    )
    signals: list[Signal] = Field([], description="other numbers of the same states")
    groups: int = Field(
        10, ge=0, le=61, description="of documents that the jackknife leaves out; 0: no jackknife"
    )

    @field_validator("groups")
    @classmethod
    def _one_group_is_none(cls, groups: int) -> int:
        if groups == 1:
            raise ValueError("one group is all documents: at least 2 are needed, or 0 for none")
        return groups

    @field_validator("layers")
    @classmethod
    def _some_layer(cls, layers: list[int | str] | str) -> list[int | str] | str:
        if not layers:
            raise ValueError("[] names no layer")
        return layers

    @field_validator("signals")
    @classmethod
    def _each_once(cls, signals: list[Signal]) -> list[Signal]:
        if len(set(signals)) < len(signals):
            raise ValueError("each signal once")
        return signals

    def told(self) -> str:
        """How it is measured, in a line."""
        own = self.exclude.replace("+", " and ")
        counted = "all neighbours" if own == "none" else f"no neighbours of the own {own}"
        return (
            f"held-out tokens every {self.every:,} steps: TwoNN, N ≤ {self.points:,}, "
            f"L = {self.n_neighbors:,}, {counted}"
        )
