"""Section `embed`: which hidden states are computed, and how."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from lm_geometry.outs.embed.exclusion import NONE, kinds_of
from lm_geometry.outs.embed.token_mask import Mask, Special, checked_mask
from lm_geometry.workspace.layers import Layers
from lm_geometry.workspace.points import RESIDUAL, Points
from lm_geometry.workspace.section import Section


class PromptStates(Section):
    """Which prompts' states are reduced to their geometry, and to what."""

    checkpoints: list[int] | Literal["base", "all"] = Field(
        "base", description="base | all that were trained | steps; base is always among them"
    )
    layers: Layers = Field(
        "all", description="as embed.layers; overlaps are of layers that follow each other here"
    )
    precision: Literal["float64", "float32"] = Field(
        "float64", description="of the product of all pairs; float32 errs by less than 1e-7"
    )
    gride_range: int = Field(
        256, ge=2, description="largest GRIDE rank whose distance is kept, a power of 2"
    )
    overlap_k: int = Field(31, gt=0, description="nearest neighbours kept of each token")
    drop_first: bool = Field(
        False, description="without the first token, whose vector is far from all others"
    )
    window: int = Field(
        0,
        ge=0,
        description="positions nearer than so many are no neighbours of each other (Theiler); 0: "
        "all are, as published; cosines are of all pairs",
    )


class QueryTokens(Section):
    """Tokens whose neighbours are searched among all that is embedded (docs/large-clouds.md)."""

    count: int = Field(
        0, ge=0, description="query tokens drawn of each corpus split by `seed`; 0: none"
    )
    neighbours: int = Field(
        256, ge=3, description="kept of each query: at least estimate.gride_range and the largest L"
    )
    vectors: int = Field(
        128, ge=3, description="nearest ones whose states are kept, too: at least the largest L"
    )
    exclude: list[str] = Field(
        ["document", NONE],
        min_length=1,
        description="readings whose lists are kept: estimate.exclude chooses among them",
    )
    references: list[float] = Field(
        [1.0],
        min_length=1,
        description="shares of the tokens that are searched, each with lists of its own: nested, "
        "by a hash of the token's number; estimate.reference chooses among them",
    )
    drop: list[Special] = Field(
        ["eos", "pad"], description="special tokens that are neither query nor neighbour"
    )
    mask: Mask = Field(
        "none", description="as token_sample.mask: tokens that are queries and neighbours"
    )

    @field_validator("mask", mode="before")
    @classmethod
    def _mask_has_values(cls, mask: object) -> object:
        return checked_mask(mask)

    @field_validator("exclude")
    @classmethod
    def _readings_exist(cls, exclude: list[str]) -> list[str]:
        for reading in exclude:
            kinds_of(reading)
        return exclude

    @field_validator("references")
    @classmethod
    def _are_shares(cls, references: list[float]) -> list[float]:
        for share in references:
            if not 0 < share <= 1:
                raise ValueError(f"{share} is no share of the tokens: above 0, at most 1 (all)")
        return references

    @model_validator(mode="after")
    def _vectors_are_of_neighbours(self) -> "QueryTokens":
        if self.vectors > self.neighbours:
            raise ValueError(f"vectors: {self.vectors} are more than neighbours, {self.neighbours}")
        return self


class Embed(Section):
    """Which hidden states are computed, and how."""

    name_in_params: ClassVar[str] = "embed"

    checkpoints: list[int] | Literal["all"] = Field(
        "all", description="steps whose states are computed; base is always among them"
    )
    layers: Layers = Field(
        "all",
        description="0 embeddings, i after block i, negative counts from the end; last; shares of "
        "the model's depth, 50% or 25%-100%; all",
    )
    points: Points = Field(
        RESIDUAL,
        description="where states are read: residual (the stream between blocks); attention or "
        "mlp: what it adds to the stream in block i, layer i; {module: NAME}: what that module "
        "returns, model.layers.*.self_attn in each block, model.norm the one layer 0",
    )
    mode: Literal["regular", "masked_token"] = Field(
        "regular", description="masked_token: each token's state where it is masked (encoders)"
    )
    combine_layers: Literal["none", "mean", "concatenate"] = Field(
        "none", description="one array per layer, or the listed layers made into one"
    )
    normalise: Literal["none", "l2"] = Field("none", description="l2: vectors of length 1")
    max_length: int = Field(512, gt=1, description="tokens; longer sequences are cut")
    prefix_space: bool = Field(False, description="a space before the first word (byte-level BPE)")
    batch_tokens: int = Field(2048, gt=0, description="tokens in a forward pass, padding included")
    dtype: Literal["float32", "bfloat16", "auto"] = Field(
        "float32", description="arithmetic of the forward pass; stored is float32"
    )
    loss: bool = Field(
        True,
        description="loss of each token: next-token (causal models), or masked (masked_token)",
    )
    keep_tokens: int | Literal["all"] = Field(
        20000, description="rows kept per corpus split, drawn by `seed` before the forward pass"
    )
    store: Literal["stored", "none"] = Field(
        "stored",
        description="none: states are compared with the queries and dropped, never written",
    )
    queries: QueryTokens = Field(
        default_factory=lambda: QueryTokens.model_validate({}),
        description="tokens whose neighbours are searched among all that is embedded",
    )
    delete_revisions: bool = Field(
        False,
        description="delete each revision of model.checkpoints from the hub's cache when it was "
        "embedded; changes no result",
    )
    tag_parts_of_speech: bool = Field(
        False, description="column part_of_speech in the token table, by nltk's English tagger"
    )
    columns: list[str] = Field(
        [], description="columns of the corpus in the token table, beside label and booleans"
    )
    prompts: PromptStates = Field(
        default_factory=lambda: PromptStates.model_validate({}),
        description="the geometry of data_prep.prompts, whose states are not stored",
    )
