"""Section `finetune`: how the model is trained, and which states of it are kept."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from lm_geometry.finetune.dialogue_params import DialogueState
from lm_geometry.finetune.kept_steps import Kept, in_epochs, is_regular, kept_steps, refuse_many
from lm_geometry.finetune.watch_params import Watch
from lm_geometry.models.arithmetic.params import Arithmetic
from lm_geometry.workspace.layers import Layers
from lm_geometry.workspace.section import Section


class Lora(Section):
    """Low-rank adaptation (Hu et al. 2021)."""

    rank: int = Field(16, gt=0, description="rank of each update")
    alpha: int = Field(32, gt=0, description="scale of the update, in units of the rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the update")
    modules: list[str] | Literal["all-linear"] = Field(
        "all-linear", description="names of the projections that are adapted, or all-linear"
    )
    layers: Layers = Field(
        "all",
        description="blocks that are adapted, counted from 0; last; shares of the model's depth, "
        "50% or 25%-100%; all",
    )
    rank_stabilised: bool = Field(False, description="scale by alpha/sqrt(rank) (rsLoRA)")


class Dropout(Section):
    """Dropout probabilities while the model is trained; null leaves the model's own."""

    hidden: float | None = Field(None, ge=0, lt=1, description="after the maps of a block")
    attention: float | None = Field(None, ge=0, lt=1, description="of attention weights")
    embedding: float | None = Field(None, ge=0, lt=1, description="of embeddings, where separate")
    classifier: float | None = Field(None, ge=0, lt=1, description="before a head of classes")


class Finetune(Section):
    """How the model is fine-tuned on `data_prep.train`."""

    name_in_params: ClassVar[str] = "finetune"

    task: Literal[
        "language_modelling",
        "causal_lm",
        "masked_lm",
        "token_classification",
        "sequence_classification",
        "sequence_to_sequence",
        "dialogue_state",
        "modular_arithmetic",
        "none",
    ] = Field(
        "causal_lm",
        description="what is learned; language_modelling: the next token or a masked one, as the "
        "model does; none passes the base model through",
    )
    method: Literal["lora", "full"] = Field("lora", description="adapters, or every weight")
    lora: Lora = Field(default_factory=lambda: Lora.model_validate({}), description="adapters")
    freeze: list[str] = Field(
        [],
        description="modules that are not trained, by whole parts of their path: encoder.layer.1 "
        "is not encoder.layer.10; * ? [0-5] match within a part",
    )
    dropout: Dropout = Field(
        default_factory=lambda: Dropout.model_validate({}), description="overrides of dropout"
    )
    steps: int | None = Field(80, gt=0, description="optimiser steps; null where epochs are given")
    epochs: float | None = Field(
        None, gt=0, description="passes over the training examples, in place of steps"
    )
    checkpoints: Kept = Field(
        [10, 20, 40, 80],
        description="what is kept: steps, `0.5 epochs`, `every 400`, `every 1 epoch`, or a list "
        "of these; base is always among them",
    )
    batch_size: int = Field(4, gt=0, description="examples in a forward pass")
    accumulate: int = Field(1, gt=0, description="forward passes in an optimiser step")
    gradient_checkpointing: bool = Field(
        False, description="compute activations again in the backward pass, to save memory"
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="of matrix products (autocast); weights stay float32"
    )
    packing: bool = Field(
        True,
        description="language modelling: blocks cut from the joined texts; "
        "false: one text an example",
    )
    block_tokens: int = Field(
        128, gt=1, description="tokens in a block; longer single texts are cut"
    )
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate of AdamW")
    schedule: Literal[
        "constant",
        "constant_with_warmup",
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "inverse_sqrt",
    ] = Field("constant_with_warmup", description="learning rate after the warm-up")
    warmup_steps: int | float = Field(
        5, ge=0, description="steps from 0 to the peak learning rate; below 1 a share of all steps"
    )
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay of AdamW")
    betas: list[float] = Field(
        [0.9, 0.99], min_length=2, max_length=2, description="decay of AdamW's two moments"
    )
    max_gradient_norm: float = Field(1.0, gt=0, description="gradients are clipped to this norm")
    mask_probability: float = Field(
        0.15, gt=0, lt=1, description="masked_lm: share of tokens that are predicted"
    )
    target: Literal["next_text", "label"] = Field(
        "next_text",
        description="sequence_to_sequence: what is written, the second half of a text after its "
        "first, or its label",
    )
    class_weights: Literal["none", "balanced"] | dict[str, PositiveFloat] = Field(
        "none",
        description="sequence_classification: how much a class counts in the training loss; "
        "balanced: all classes alike however frequent; {NAME: weight}, others 1",
    )
    neutral: str | None = Field(
        None,
        description="sequence_classification: a class that F1 scores are also given without",
    )
    dialogue_state: DialogueState = Field(
        default_factory=lambda: DialogueState.model_validate({}),
        description="task dialogue_state: its loss, and when a state is right",
    )
    evaluation_sequences: Annotated[int, Field(gt=0)] | Literal["all"] = Field(
        32, description="sequences of a split that scores are of, the validation curve too, or all"
    )
    score: list[Literal["train", "validation", "test"]] = Field(
        ["validation"],
        description="splits that are scored at every checkpoint, validation always among them; of "
        "train the first evaluation_sequences",
    )
    watch: Watch | Literal["none"] = Field(
        "none",
        description="local dimensions of held-out tokens, measured while the model trains; changes "
        "nothing that is trained",
    )
    seed: int = Field(
        0, ge=0, description="order of examples, dropout, initial adapters and heads of classes"
    )
    arithmetic: Arithmetic = Field(
        default_factory=lambda: Arithmetic.model_validate({}),
        description="the transformer that task modular_arithmetic trains from scratch",
    )
    recorded_scores: list[str] = Field(
        [],
        description="task none: what others recorded of model.checkpoints, as file:PATH of files "
        "or folders: eval_res.SPLIT.json and eval_pred_SPLIT.1.0.log (TripPy-R), log.txt "
        "(ContextBERT-ERToD)",
    )
    report_to: list[str] = Field(
        [],
        description="trackers that follow the run live, as transformers names them (wandb, "
        "tensorboard, …); changes no result",
    )

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError(
                f"steps: {self.steps} and epochs: {self.epochs}: give one of them, null for the "
                "other"
            )
        if self.recorded_scores and self.task != "none":
            raise ValueError(
                "recorded_scores: are read with checkpoints of others, and task "
                f"{self.task} makes its own: none"
            )
        if isinstance(self.warmup_steps, float) and self.warmup_steps >= 1:
            raise ValueError(
                f"warmup_steps: {self.warmup_steps} is neither a whole number nor a share below 1"
            )
        if self.schedule == "constant" and self.warmup_steps:
            raise ValueError(
                "warmup_steps: schedule constant has no warm-up; set it to 0, or take "
                "constant_with_warmup"
            )
        if self.dropout.classifier is not None and not self.classifies:
            raise ValueError(
                f"dropout.classifier: task {self.task} has no head of classes; leave it null"
            )
        refuse_many(self.checkpoints, self.steps)
        self._scores_agree()
        return self

    def _scores_agree(self) -> None:
        if "validation" not in self.score or len(set(self.score)) < len(self.score):
            raise ValueError(
                f"score: {self.score}: each split once, and validation, whose loss is followed, "
                "always among them"
            )
        given = {"neutral": self.neutral is not None, "class_weights": self.class_weights != "none"}
        for name, is_given in given.items():
            if is_given and self.task != "sequence_classification":
                raise ValueError(
                    f"{name}: task {self.task} has no classes of sequences; leave it out"
                )

    @property
    def classifies(self) -> bool:
        """Whether the task puts a head of classes on the model."""
        return self.task.endswith("_classification") or self.task == "dialogue_state"

    def kept(self, steps: int, examples: int | None = None) -> list[int]:
        """The steps of the checkpoints of a run of `steps` optimiser steps, in order.

        `examples` are those of an epoch, without which there must be no checkpoint by epochs.
        """
        if self.task == "none":
            return []
        return kept_steps(self.checkpoints, steps, examples, self.batch_size * self.accumulate)

    def known_checkpoints(self) -> list[int] | None:
        """The steps of the checkpoints where params.yaml alone tells them, else None.

        Epochs, and regular checkpoints of a run whose length is in epochs, depend on the number of
        examples.
        """
        open_ended = self.steps is None and is_regular(self.checkpoints)
        if self.task != "none" and (open_ended or in_epochs(self.checkpoints)):
            return None
        return self.kept(self.steps or 0)
