"""Section `token_sample`: which tokens make a point cloud."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from lm_geometry.outs.embed.token_mask import Mask, Special, checked_mask
from lm_geometry.workspace.section import Section

Dropped = Literal[Special, "massive"]


class TokenSample(Section):
    """Which tokens of a corpus split make a point cloud."""

    name_in_params: ClassVar[str] = "token_sample"

    drop: list[Dropped] = Field(
        ["eos", "pad"],
        description="special tokens left out; first: position 0 of each sequence; massive: tokens "
        "of huge norm at any checkpoint and layer",
    )
    massive: float = Field(
        3.0, ge=1, description="a token is massive beyond so many median norms of its layer"
    )
    mask: Mask = Field(
        "none", description="none, a boolean column of the token table, or its values by column"
    )
    prepared: int = Field(4000, gt=0, description="tokens drawn before deduplication")
    points: int = Field(3000, gt=2, description="N, points of a cloud; fewer are reported")
    zero_vectors: Literal["keep", "remove"] = Field("keep", description="rows that are all zero")
    seeds: list[int] = Field([0], min_length=1, description="one cloud for each")
    noise: float = Field(0.0, ge=0, description="standard deviation of added Gaussian noise")
    noise_seed: int = Field(0, ge=0, description="stream of the noise")

    @field_validator("mask", mode="before")
    @classmethod
    def _mask_has_values(cls, mask: object) -> object:
        return checked_mask(mask)
