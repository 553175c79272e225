"""Section `finetune.arithmetic`: a small transformer that learns equations."""

from typing import Literal

from pydantic import Field

from lm_geometry.workspace.section import Section


class Arithmetic(Section):
    """The transformer of task modular_arithmetic, and what of its training is its own.

    What it has in common with fine-tuning (steps, batch_size, learning_rate, schedule, …) stands
    in `finetune`. The published model is `embedding_deviation: 1.0, scale_embeddings: true,
    dropout: 0.1`, the rest as here.
    """

    layers: int = Field(2, gt=0, description="blocks of the transformer")
    width: int = Field(128, gt=0, description="of the hidden states")
    heads: int = Field(4, gt=0, description="attention heads of a block")
    head_width: int = Field(32, gt=0, description="of queries, keys and values of a head")
    feed_forward: int = Field(512, gt=0, description="width between the two maps of a block")
    norm: Literal["pre", "post"] = Field(
        "pre", description="layer norm before each branch and at the end, or after each sum"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="published: 0.1; 0 is trained three times as fast"
    )
    embedding_deviation: float = Field(
        0.09, gt=0, description="standard deviation of initial embeddings; published: 1.0"
    )
    scale_embeddings: bool = Field(
        False, description="token embeddings times sqrt(width); published: true"
    )
    batches: Literal["replacement", "epochs", "full"] = Field(
        "replacement",
        description="drawn with replacement in the published order, from shuffled epochs, "
        "or all equations at every step",
    )
    warmup_start: float = Field(
        1 / 3, gt=0, le=1, description="learning rate of the first step, as a share of the peak"
    )
    epsilon: float = Field(1e-6, gt=0, le=1, description="added to AdamW's denominator")
    evaluate_every: int = Field(
        50, gt=0, description="steps from one measurement of loss and accuracy to the next"
    )
