"""Section `finetune`: how the model is trained, and which states of it are kept."""

from typing import ClassVar, Literal

from pydantic import Field

from lm_geometry.params.section import Section


class Lora(Section):
    """Low-rank adaptation (Hu et al. 2021)."""

    rank: int = Field(16, gt=0, description="rank of each update")
    alpha: int = Field(32, gt=0, description="scale of the update, in units of the rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the update")
    modules: list[str] | Literal["all-linear"] = Field(
        "all-linear", description="names of the projections that are adapted, or all-linear"
    )
    layers: list[int] | Literal["all"] = Field(
        "all", description="blocks that are adapted, counted from 0, or all"
    )
    rank_stabilised: bool = Field(False, description="scale by alpha/sqrt(rank) (rsLoRA)")


class Finetune(Section):
    """How the model is fine-tuned on `data_prep.train`."""

    name_in_params: ClassVar[str] = "finetune"

    task: Literal["causal_lm", "masked_lm", "none"] = Field(
        "causal_lm", description="what is learned; none passes the base model through"
    )
    method: Literal["lora", "full"] = Field("lora", description="adapters, or every weight")
    lora: Lora = Field(default_factory=lambda: Lora.model_validate({}), description="adapters")
    steps: int = Field(80, gt=0, description="optimiser steps")
    checkpoints: list[int] = Field(
        [10, 20, 40, 80], description="steps that are kept; base is always among them"
    )
    batch_size: int = Field(4, gt=0, description="blocks in a forward pass")
    accumulate: int = Field(1, gt=0, description="forward passes in an optimiser step")
    packing: bool = Field(
        True, description="blocks cut from the joined texts; false: one text an example"
    )
    block_tokens: int = Field(
        128, gt=1, description="tokens in a block; longer single texts are cut"
    )
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate of AdamW")
    schedule: Literal["constant_with_warmup", "linear", "cosine"] = Field(
        "constant_with_warmup", description="learning rate after the warm-up"
    )
    warmup_steps: int = Field(5, ge=0, description="steps from 0 to the peak learning rate")
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay of AdamW")
    betas: list[float] = Field(
        [0.9, 0.99], min_length=2, max_length=2, description="decay of AdamW's two moments"
    )
    max_gradient_norm: float = Field(1.0, gt=0, description="gradients are clipped to this norm")
    mask_probability: float = Field(
        0.15, gt=0, lt=1, description="masked_lm: share of tokens that are predicted"
    )
    evaluation_sequences: int = Field(
        32, gt=0, description="held-out sequences of the validation curve"
    )
    seed: int = Field(0, ge=0, description="order of blocks, dropout, initial adapters")
