"""Every section of params.yaml, in the order of the file."""

from typing import ClassVar

from pydantic import Field

from lm_geometry.params.aggregate import Aggregate
from lm_geometry.params.data_prep import DataPrep
from lm_geometry.params.embed import Embed
from lm_geometry.params.estimate import Estimate
from lm_geometry.params.finetune import Finetune
from lm_geometry.params.model import Model
from lm_geometry.params.section import Section
from lm_geometry.params.token_sample import TokenSample


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
