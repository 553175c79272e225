"""Token classification: a BIO tag for each word, such as the slot values of a dialogue."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.classification import encoded, padded, tagged, with_contexts
from lm_geometry.finetune.tasks.task import Example, Predictions, Task
from lm_geometry.outs.data_prep.corpora import Columns

IGNORED = -100


class TokenClassification(Task):
    """The tags in column `tags`, each predicted at the first sub-token of its word."""

    model_class: ClassVar[str] = "AutoModelForTokenClassification"

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, settings: Finetune, *parts: Columns
    ) -> None:
        super().__init__(tokenizer, settings)
        found = {tag for part in parts for tags in tagged(part, settings)["tags"] for tag in tags}
        self.labels = sorted(found)
        wrong = [tag for tag in self.labels if tag != "O" and tag[:2] not in ("B-", "I-")]
        if wrong or len(self.labels) < 2:
            raise ValueError(
                "finetune.task: token_classification learns BIO tags (B-name, I-name, O), and the "
                f"column tags of the corpus of data_prep.train has {wrong or self.labels}"
            )
        if not tokenizer.is_fast:
            raise ValueError(
                "finetune.task: token_classification needs a tokenizer that tells the place of "
                f"its tokens in the text (a fast one), and {type(tokenizer).__name__} does not"
            )

    def training_examples(self, columns: Columns) -> list[Example]:
        own = tagged(columns, self.settings)
        texts = [" ".join(words) for words in own["words"]]
        found = self._found(texts, columns.get("context"))
        number = {tag: place for place, tag in enumerate(self.labels)}
        documents = columns.get("document", [""] * len(texts))
        examples = []
        for row, (words, tags) in enumerate(zip(own["words"], own["tags"], strict=True)):
            firsts = first_tokens(texts[row], words, found["offset_mapping"][row])
            labels = [IGNORED if word is None else number[tags[word]] for word in firsts]
            if any(label != IGNORED for label in labels):
                ids = found["input_ids"][row]
                examples.append(Example(ids, labels, document=str(documents[row])))
        return examples

    def _found(
        self, texts: list[str], contexts: list[list[str]] | None
    ) -> Mapping[str, list[list[Any]]]:
        pairs = with_contexts(texts, contexts, self)
        if pairs is not None:
            return {"input_ids": pairs.input_ids, "offset_mapping": pairs.offsets}
        return encoded(texts, self.tokenizer, self.settings.block_tokens, offsets=True)

    def held_out_examples(self, columns: Columns) -> list[Example]:
        return self.training_examples(columns)

    def batch(self, examples: list[Example]) -> dict[str, torch.Tensor]:
        batch = padded(examples, self.tokenizer)
        labels = torch.full_like(batch["input_ids"], IGNORED)
        for row, example in enumerate(examples):
            labels[row, : len(example.labels)] = torch.tensor(example.labels)
        return batch | {"labels": labels}

    def scores(self, predictions: Predictions) -> dict[str, float]:
        """Precision, recall and F1 of whole entities (micro-averaged) and accuracy of tags."""
        from seqeval.metrics import f1_score, precision_score, recall_score

        gold, predicted = (
            [[self.labels[number] for number in sequence] for sequence in numbers]
            for numbers in (predictions.gold, predictions.predicted)
        )
        # seqeval says that zero_division is a string, and that a score may be a list.
        measures: dict[str, Any] = {"precision": precision_score, "recall": recall_score}
        measures["f1"] = f1_score
        of_entities = {
            name: float(measure(gold, predicted, zero_division=0))
            for name, measure in measures.items()
        }
        return {"loss": predictions.loss, **of_entities, "accuracy": predictions.accuracy}


def first_tokens(text: str, words: list[str], places: list[tuple[int, int]]) -> list[int | None]:
    """For each token the number of the word that it is the first token of, else None.

    `places` are the characters of each token in `text`, the words joined by spaces. A token is of
    the word in which its first character that is no white space stands.
    """
    starts = np.array([0, *accumulate(len(word) + 1 for word in words)])
    found: list[int | None] = []
    last = -1
    for start, end in places:
        token = text[start:end]
        visible = start + len(token) - len(token.lstrip())
        word = int(np.searchsorted(starts, visible, side="right")) - 1
        first = visible < end and word > last
        found.append(word if first else None)
        last = word if first else last
    return found
