"""A text and its context as one input: what is kept, what is cut, and whose each token is."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry.embed.token_table import tokenise
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.sequence_classification import SequenceClassification
from lm_geometry.models.load import load_tokenizer
from lm_geometry.models.text_and_context import encode
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.workspace.seeds import stream
from tests.conftest import TinyModel
from tests.tokenised_texts import settings_of

WORDS = st.lists(st.sampled_from(["river", "stone", "the", "a", "king"]), min_size=1, max_size=9)
SAID = st.lists(WORDS.map(" ".join), max_size=3)


@pytest.fixture(scope="module")
def tokenizers(tiny_models: dict[str, TinyModel]) -> dict[str, Any]:
    return {name: load_tokenizer(tiny_models[name].source) for name in ("bert", "llama")}


@pytest.mark.parametrize(("name", "first"), [("bert", False), ("llama", True)])
@settings(max_examples=60)
@given(text=WORDS.map(" ".join), context=SAID, limit=st.integers(12, 40))
def test_text_is_whole_and_what_is_cut_is_the_oldest(
    tokenizers: dict[str, Any], name: str, first: bool, text: str, context: list[str], limit: int
) -> None:
    tokenizer = tokenizers[name]
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    # A second pair, so that a context fits somewhere.
    found = encode(tokenizer, [text, "a"], [context, ["a"]], limit, first)
    ids, parts = found.input_ids[0], found.parts[0]
    assert len(ids) == len(parts) == len(found.offsets[0])
    assert len(ids) <= limit
    of_text = [token for token, part in zip(ids, parts, strict=True) if part == "text"]
    assert of_text == own[: len(of_text)]
    beside = [token for token, part in zip(ids, parts, strict=True) if part == "context"]
    added = [tokenizer.num_special_tokens_to_add(pair=pair) for pair in (False, True)]
    if not context or len(own) >= limit - max(added):
        assert not beside
        assert of_text == own[: limit - added[0]]
    else:
        assert of_text == own
        between = "\n" if first else (tokenizer.sep_token or "\n")
        joined = between.join(reversed(context) if first else context)
        whole = tokenizer(joined + between * first, add_special_tokens=False)["input_ids"]
        assert beside == (whole[len(whole) - len(beside) :] if first else whole[: len(beside)])
        assert len(beside) == min(len(whole), limit - len(own) - added[1])
        order = [part for part in parts if part]
        assert order == sorted(order, key=lambda part: (part == "text") == first)
    spans = [span for span, part in zip(found.offsets[0], parts, strict=True) if part == "text"]
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") in text.replace(
        " ", ""
    )


def test_contexts_that_fit_nowhere_are_refused(tokenizers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"data_prep.context: no context fits .* in 6 tokens"):
        encode(tokenizers["bert"], ["the river stone king the river"], [["a stone"]], 6)


def test_what_was_cut_is_counted(tokenizers: dict[str, Any]) -> None:
    texts, contexts = ["the river", "a", "a"], [["stone " * 20], ["king"], []]
    assert encode(tokenizers["bert"], texts, contexts, 16).cut == 1


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_what_is_measured_is_what_is_trained_on(
    tokenizers: dict[str, Any], tiny_models: dict[str, TinyModel], name: str
) -> None:
    tokenizer, first = tokenizers[name], tiny_models[name].source.reads_onwards
    texts = ["the river", "a king and a stone and the river", "a stone"]
    contexts = [["user: the king", "system: a river"], ["system: the river the king"], []]
    corpus = pd.DataFrame({"text": texts, "document": list("abb"), "context": contexts})
    measured = tokenise(corpus, tokenizer, settings_of(max_length=22), stream(0, "any"), first)
    columns: Columns = {"text": texts, "label": ["x", "y", "x"], "context": contexts}
    own = Finetune.model_validate({"task": "sequence_classification", "block_tokens": 22})
    task = SequenceClassification(tokenizer, own, columns)
    task.context_first = first
    trained = [example.input_ids for example in task.training_examples(columns)]
    assert trained == measured.sequences
    text = measured.kept[measured.kept["part"] == "text"]
    alone = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert [own["token_id"].tolist() for _, own in text.groupby("sequence")] == alone
