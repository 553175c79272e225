"""Section `data_prep.prompts`: which prompts are studied one by one, and how they are shuffled."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section


class Prompts(Section):
    """Texts of a fixed number of tokens, each studied as a cloud of its own."""

    corpus: str = Field(
        "encyclopaedia", description="alias of catalogue/corpora.yaml, hub:ID or file:PATH"
    )
    split: Literal["all", "train", "validation", "test", "dev"] = Field(
        "all", description="every text of the corpus, or those of one split of data_prep"
    )
    unit: Literal["document", "sequence"] = Field(
        "document",
        description="a prompt is the start of a document (its sequences joined in order) "
        "or of a sequence",
    )
    joint: str = Field("\n\n", description="what stands between the sequences of a document")
    count: int | Literal["all"] = Field(
        4, description="prompts drawn from the texts that are long enough; 0: none"
    )
    tokens: int = Field(1024, gt=1, description="tokens of a prompt; the text after is cut off")
    shuffles: list[int] = Field(
        [0, 5],
        min_length=1,
        description="S: 4**S blocks of equal length in random order; 0: the text as it is",
    )
    tokenizers: list[str] = Field(
        [],
        description="models under which a text must be long enough, beside model.name; "
        "list the same ones in every run that is compared",
    )
    seed: int = Field(42, ge=0, description="which prompts are drawn, and the order of blocks")

    @model_validator(mode="after")
    def _counts_and_blocks_are_possible(self) -> Self:
        if isinstance(self.count, int) and self.count < 0:
            raise ValueError(f"count: {self.count} must be 0 or more, or all")
        for shuffle in self.shuffles:
            if shuffle < 0:
                raise ValueError(f"shuffles: {shuffle} is not a whole number from 0")
            if self.tokens % 4**shuffle:
                raise ValueError(
                    f"shuffles: {shuffle} makes {4**shuffle} blocks, and tokens = {self.tokens} "
                    f"is not divisible by {4**shuffle}"
                )
        for name in ("shuffles", "tokenizers"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: {values} names one twice")
        return self
