"""What both tasks with classes have in common: their corpus, and the names of the classes."""

from typing import TypedDict, cast

from torch import Tensor
from transformers import BatchEncoding, PreTrainedTokenizerBase

from lm_geometry.finetune.learned_columns import lacking
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.task import Example, Task
from lm_geometry.models.text_and_context import Encoded, encode
from lm_geometry.outs.data_prep.corpora import Columns


class Labelled(TypedDict):
    """Texts and the class of each; empty where it has none."""

    text: list[str]
    label: list[str]


class Tagged(TypedDict):
    """The words of each sequence, and a tag for each word."""

    words: list[list[str]]
    tags: list[list[str]]


def labelled(columns: Columns, settings: Finetune) -> Labelled:
    """What a task learns labels from; raises ValueError where a column is missing."""
    _require(columns, settings)
    return cast("Labelled", columns)


def tagged(columns: Columns, settings: Finetune) -> Tagged:
    """What token classification learns from; raises ValueError where a column is missing."""
    _require(columns, settings)
    return cast("Tagged", columns)


def _require(columns: Columns, settings: Finetune) -> None:
    if told := lacking(settings, columns):
        raise ValueError(told)


def padded(examples: list[Example], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` `[batch, tokens]` of the examples, padded on the right."""
    ids = [{"input_ids": example.input_ids} for example in examples]
    return dict(tokenizer.pad(ids, padding=True, return_tensors="pt"))


def with_contexts(texts: list[str], contexts: list[list[str]] | None, task: Task) -> Encoded | None:
    """The tokens of each text and what was said before it; None where data-prep made no contexts.

    They are those that embed measures where its `max_length` is `finetune.block_tokens`.
    """
    if contexts is None:
        return None
    limit = task.settings.block_tokens
    found = encode(task.tokenizer, texts, contexts, limit, task.context_first)
    print(found.told(limit), flush=True)
    return found


def encoded(
    texts: list[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int, offsets: bool = False
) -> BatchEncoding:
    """The tokens of each text, cut to `max_tokens`; where asked, `offset_mapping` as well."""
    if not texts:  # which tokenizers cannot be given
        return BatchEncoding({"input_ids": [], "offset_mapping": []})
    return tokenizer(texts, truncation=True, max_length=max_tokens, return_offsets_mapping=offsets)
