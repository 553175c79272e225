"""Section `finetune.dialogue_state`: how states of dialogues are learned and scored."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section


class LossWeights(Section):
    """How much each part counts in the loss of dialogue_state; as published."""

    classes: float = Field(0.8, ge=0, description="of what a turn does to each slot")
    spans: float = Field(0.1, ge=0, description="of where a copied value begins and ends")
    refers: float = Field(0.1, ge=0, description="of the slot that a value is taken from")

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.classes + self.spans + self.refers == 0:
            raise ValueError("loss: something must count: a weight above 0")
        return self


class DialogueState(Section):
    """Settings of the task dialogue_state."""

    loss: LossWeights = Field(
        default_factory=lambda: LossWeights.model_validate({}), description="weights of its parts"
    )
    none_weight: float = Field(
        0.1, gt=0, le=1, description="weight of class none, of which most slots are; of others 1"
    )
    slots: Literal["ontology", "occurring"] = Field(
        "ontology",
        description="slots that are tracked: of the corpus's ontology, or those of them that a "
        "state has in the splits that are learned or scored; S slots are S x (S + 10) outputs",
    )
    lenient: bool = Field(
        False,
        description="joint goal by the published script's rule: a value that the system informed "
        "is right, too, if it contains the gold value or is contained in it",
    )
