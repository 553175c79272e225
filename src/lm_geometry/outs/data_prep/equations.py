"""The equations that data-prep makes: section `data_prep.equations`, and a fact of its corpus."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section

Operation = Literal["addition", "subtraction", "multiplication", "division", "permutations"]


def is_prime(number: int) -> bool:
    """Whether a whole number from 0 has no divisor but 1 and itself."""
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))


class Equations(Section):
    """All equations a o b = c of one operation, and which of them are trained on."""

    operation: Operation = Field(
        "subtraction",
        description="modulo modulus; permutations: composition in S5; of addition and "
        "multiplication, a o b tells b o a",
    )
    modulus: int | None = Field(
        97,
        gt=1,
        le=10_000,
        description="p, of p² equations; division needs a prime; null for permutations",
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
