"""Every section of params.yaml, in the order of the file."""

from typing import Any, ClassVar

from pydantic import Field

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.data_prep.params import DataPrep, Model
from lm_geometry.embed.params import Embed
from lm_geometry.estimate.params import Estimate
from lm_geometry.finetune.params import Finetune
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.workspace.section import Section


class Params(Section):
    """The whole of params.yaml."""

    name_in_params: ClassVar[str] = ""

    seed: int = Field(0, ge=0, description="root of every random stream without a seed of its own")
    model: Model
    data_prep: DataPrep
    finetune: Finetune
    embed: Embed
    token_sample: TokenSample
    estimate: Estimate
    aggregate: Aggregate

    def known_checkpoints(self) -> list[int] | None:
        """The steps that there will be, trained or read, where params.yaml alone tells them."""
        if self.model.checkpoints:
            return self.model.known_steps()
        return self.finetune.known_checkpoints()

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Params":
        """From the mapping in params.yaml; a section that is left out has its defaults."""
        sections = [name for name in cls.model_fields if name != "seed"]
        empty = {name: {} for name in sections if raw.get(name) is None}
        return cls.model_validate(raw | empty)
