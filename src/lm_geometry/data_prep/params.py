"""Sections `model` and `data_prep`: which model, and which sequences of which corpora."""

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lm_geometry.data_prep.step_names import is_pattern, step_of
from lm_geometry.outs.data_prep.equations import Equations
from lm_geometry.workspace.section import ROOT, Section, read_yaml

Split = Literal["train", "validation", "test", "dev", "all"]
NOTHING = "none"  # the task of finetune that trains nothing


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Model(Section):
    """Which model is studied, and whether with its trained weights."""

    name_in_params: ClassVar[str] = "model"

    name: str = Field(
        "smollm2",
        description="alias of catalogue/models.yaml, hub:ID[@revision] or file:PATH",
    )
    weights: Literal["pretrained", "random"] = Field(
        "pretrained", description="trained weights, or an untrained control drawn from `seed`"
    )
    half: Literal["encoder", "decoder"] | None = Field(
        default=None,
        description="whose states are read of an encoder-decoder, such as T5; null for others",
    )
    checkpoints: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        [],
        description="later states of the model, read and not trained (finetune.task none): "
        "revisions of a hub model, file:PATH or hub:ID@REVISION; * stands for several; the step "
        "is the number in the name, as in step1000",
    )
    added_steps: int = Field(
        0,
        ge=0,
        description="added to the number in each of these names; 1 for a run that counts its "
        "checkpoints from 0, as ckpt-0 after the first epoch: base is step 0",
    )

    def known_steps(self) -> list[int] | None:
        """The steps of `checkpoints` where their names alone tell them, else None."""
        if any(is_pattern(name) for name in self.checkpoints):
            return None
        try:
            return sorted(step_of(name) + self.added_steps for name in self.checkpoints)
        except ValueError:  # which data-prep tells, with all others
            return None


MOST_SHUFFLED = 15  # S: 4**15 blocks are a billion tokens


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
            if not 0 <= shuffle <= MOST_SHUFFLED:
                raise ValueError(
                    f"shuffles: {shuffle} is not a whole number from 0 to {MOST_SHUFFLED}"
                )
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


class Proportions(Section):
    """How a corpus without splits of its own is divided."""

    train: float = Field(0.75, gt=0, lt=1, description="share of the documents to train on")
    validation: float = Field(0.125, gt=0, lt=1, description="share held out for validation")
    test: float = Field(0.125, gt=0, lt=1, description="share held out for the final test")

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"train + validation + test must be 1, not {total:g}")
        return self


class Speaker(Section):
    """Rows of one speaker."""

    speaker: str = Field(description="name in the corpus's column speaker, such as user")


class DataPrep(Section):
    """Which sequences of which corpora are studied, and how they are chosen."""

    name_in_params: ClassVar[str] = "data_prep"

    train: str = Field(
        "early-speeches",
        description="corpus to fine-tune on: alias of catalogue/corpora.yaml, hub:ID or file:PATH",
    )
    evaluate: list[str] = Field(
        ["early-speeches", "encyclopaedia"],
        min_length=1,
        description="corpora whose hidden states are compared",
    )
    splits: Literal["auto"] | Annotated[list[Split], Field(min_length=1)] = Field(
        "auto",
        description="splits of each of them, as a list; validation and dev stand for each other, "
        "all are all rows; auto: what is held out of training, [validation], and [all] where "
        "finetune.task is none",
    )
    sequences: int | Literal["all"] = Field(
        2000, description="M, sequences of each evaluated corpus and split; fewer are reported"
    )
    train_sequences: int | Literal["all"] = Field(
        "all",
        description="sequences of the train split that are trained on; where that split is "
        "evaluated, too, no more of it are measured, and these are among those",
    )
    keep: Literal["all", "labelled"] | Speaker = Field(
        "all",
        description="rows that are studied: each, those with a label, or {speaker: NAME}; the "
        "others are left out after contexts were made and splits divided",
    )
    context: int = Field(
        0,
        ge=0,
        description="N, earlier utterances of the document that go with each row, newest first "
        "(column context); the corpora need documents whose turns are numbered; not with order: "
        "paper",
    )
    choose: Literal["random", "take_first", "by_document", "whole_documents"] = Field(
        "random",
        description="which M: the first of a shuffle by seed, the first of the split, one from "
        "each document in turn (documents and their sequences shuffled by seed), or whole "
        "documents (shuffled by seed, their sequences in order) as long as M are not passed: the "
        "first document that would pass it ends the choice",
    )
    order: Literal["default", "paper"] = Field(
        "default",
        description="paper: rows of `train` alone are split, whatever their document, and "
        "sequences that strip empties are kept, as in the published runs",
    )
    seed: int = Field(0, ge=0, description="draw of the M sequences")
    split_seed: int = Field(0, ge=0, description="division of corpora without splits of their own")
    proportions: Proportions = Field(
        default_factory=lambda: Proportions.model_validate({}),
        description="shares of that division; by document where there are documents",
    )
    min_characters: int = Field(0, ge=0, description="shorter sequences are dropped; 0 keeps all")
    drop_prefixes: list[str] = Field(
        [], description="sequences that start so are dropped, beside those the catalogue names"
    )
    strip: bool = Field(
        True, description="remove white space at both ends of each sequence, the last step"
    )
    prompts: Prompts = Field(
        default_factory=lambda: Prompts.model_validate({}),
        description="texts of a fixed number of tokens, each a point cloud of its own",
    )

    equations: Equations = Field(
        default_factory=lambda: Equations.model_validate({}),
        description="the corpus `equations`, which is made and not read: every equation as it is",
    )

    def measured_splits(self, is_trained: bool) -> list[Split]:
        """The splits of each evaluated corpus: where nothing is trained nothing is held out."""
        if self.splits != "auto":
            return self.splits
        return ["validation"] if is_trained else ["all"]

    @model_validator(mode="after")
    def _counts_are_positive(self) -> Self:
        for name in ("sequences", "train_sequences"):
            if getattr(self, name) != "all" and getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} must be 1 or more, or all")
        if "" in self.drop_prefixes:
            raise ValueError("drop_prefixes: '' is the start of every sequence")
        return self

    @model_validator(mode="after")
    def _contexts_are_of_one_split(self) -> Self:
        if self.context and self.order == "paper":
            raise ValueError(
                f"context: {self.context}: order: paper divides the rows of one document, so that "
                "held-out text would stand in contexts of the train split; context: 0, or order: "
                "default"
            )
        return self


def is_trained(root: Path = ROOT) -> bool:
    """Whether `finetune.task` of params.yaml trains anything, for which a corpus is prepared."""
    finetune = read_yaml(root / "params.yaml").get("finetune") or {}
    return finetune.get("task") != NOTHING
