"""Sections `data_prep.equations` and `finetune.arithmetic`: equations, and a small transformer."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section

Operation = Literal["addition", "subtraction", "multiplication", "division", "permutations"]


def is_prime(number: int) -> bool:
    """Whether a whole number from 0 has no divisor but 1 and itself."""
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))


class Equations(Section):
    """All equations a o b = c of one operation, and which of them are trained on."""

    name_in_params: ClassVar[str] = "data_prep.equations"

    operation: Operation = Field(
        "subtraction",
        description="modulo modulus; permutations: composition in S5; of addition and "
        "multiplication, a o b tells b o a",
    )
    modulus: int | None = Field(
        97, gt=1, description="p; division needs a prime; null for permutations"
    )
    train_fraction: float = Field(0.4, gt=0, lt=1, description="share of equations trained on")
    seed: int = Field(42, ge=0, description="which equations are trained on, and their draws")

    @model_validator(mode="after")
    def _operation_has_its_modulus(self) -> Self:
        if (self.operation == "permutations") != (self.modulus is None):
            right = "null" if self.operation == "permutations" else "a whole number above 1"
            raise ValueError(
                f"modulus: {self.modulus} does not suit operation {self.operation}: give {right}"
            )
        if self.operation == "division" and not is_prime(self.modulus or 0):
            raise ValueError(
                f"modulus: {self.modulus} is not prime, and division modulo it is not defined for "
                "every b; take a prime such as 97"
            )
        return self


class Arithmetic(Section):
    """The transformer of task modular_arithmetic, and what of its training is its own.

    What it has in common with fine-tuning (steps, batch_size, learning_rate, schedule, …) stands
    in `finetune`. The published model is `embedding_deviation: 1.0, scale_embeddings: true,
    dropout: 0.1`, the rest as here.
    """

    name_in_params: ClassVar[str] = "finetune.arithmetic"

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
    epsilon: float = Field(1e-6, gt=0, description="added to AdamW's denominator")
    evaluate_every: int = Field(
        50, gt=0, description="steps from one measurement of loss and accuracy to the next"
    )
