"""What both tasks with classes have in common: their corpus, and the names of the classes."""

from typing import TypedDict, cast

from torch import Tensor
from transformers import BatchEncoding, PreTrainedTokenizerBase

from lm_geometry.finetune.tasks.task import Example
from lm_geometry.outs.data_prep.corpora import Columns


class Labelled(TypedDict):
    """Texts and the class of each; empty where it has none."""

    text: list[str]
    label: list[str]


class Tagged(TypedDict):
    """The words of each sequence, and a tag for each word."""

    words: list[list[str]]
    tags: list[list[str]]


def labelled(columns: Columns, task: str = "sequence_classification") -> Labelled:
    """What a task learns labels from; raises ValueError where a column is missing."""
    _require(columns, ["label"], task)
    return cast("Labelled", columns)


def tagged(columns: Columns) -> Tagged:
    """What token classification learns from; raises ValueError where a column is missing."""
    _require(columns, ["words", "tags"], "token_classification")
    return cast("Tagged", columns)


def _require(columns: Columns, names: list[str], task: str) -> None:
    if missing := [name for name in names if name not in columns]:
        raise ValueError(
            f"finetune.task: {task} learns from the columns {' and '.join(names)}, and the corpus "
            f"of data_prep.train has no {' and no '.join(missing)}, only {', '.join(columns)}; "
            "reviews, dailydialog and emowoz have labels, multiwoz21, sgd and wnut-17 words with "
            "tags, and the catalogue entry of another corpus can name its columns (label_column, "
            "tags_column)"
        )


def padded(examples: list[Example], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` `[batch, tokens]` of the examples, padded on the right."""
    ids = [{"input_ids": example.input_ids} for example in examples]
    return dict(tokenizer.pad(ids, padding=True, return_tensors="pt"))


def encoded(
    texts: list[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int, offsets: bool = False
) -> BatchEncoding:
    """The tokens of each text, cut to `max_tokens`; where asked, `offset_mapping` as well."""
    return tokenizer(texts, truncation=True, max_length=max_tokens, return_offsets_mapping=offsets)
