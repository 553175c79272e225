"""Section `token_sample`: which tokens make a point cloud."""

from typing import ClassVar, Literal

from pydantic import Field

from lm_geometry.params.section import Section

Dropped = Literal["bos", "eos", "pad", "cls", "sep", "mask", "unk", "first"]


class TokenSample(Section):
    """Which tokens of a corpus split make a point cloud."""

    name_in_params: ClassVar[str] = "token_sample"

    drop: list[Dropped] = Field(
        ["eos", "pad"], description="special tokens left out; first: position 0 of each sequence"
    )
    mask: str = Field(
        "none", description="none, or a boolean column of the corpus: only where it is true"
    )
    prepared: int = Field(4000, gt=0, description="tokens drawn before deduplication")
    points: int = Field(3000, gt=2, description="N, points of a cloud; fewer are reported")
    zero_vectors: Literal["keep", "remove"] = Field("keep", description="rows that are all zero")
    seeds: list[int] = Field([0], min_length=1, description="one cloud for each")
    noise: float = Field(0.0, ge=0, description="standard deviation of added Gaussian noise")
    noise_seed: int = Field(0, ge=0, description="stream of the noise")
