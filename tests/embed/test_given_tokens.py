"""Token ids that a corpus brings: what the model reads, and what of them is in the token table."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry.embed.token_columns import painted
from lm_geometry.embed.token_table import TokenisedCorpus, tokenise
from lm_geometry.models.load import load_tokenizer
from tests.conftest import TEXTS, TinyModel
from tests.tokenised_texts import corpus_of, settings_of, tokenised


def brought(tiny: TinyModel, texts: list[str] = TEXTS) -> pd.DataFrame:
    """The corpus that data-prep makes of what the tokenizer of a model made of texts."""
    tokenizer = load_tokenizer(tiny.source)
    ids = tokenizer(texts)["input_ids"]
    decoded = [tokenizer.decode(own).strip() for own in ids]
    return corpus_of(texts).assign(text=decoded, input_ids=[np.array(own) for own in ids])


def table_of(tiny: TinyModel, corpus: pd.DataFrame, **changes: Any) -> TokenisedCorpus:
    tokenizer = load_tokenizer(tiny.source)
    return tokenise(corpus, tokenizer, settings_of(**changes), np.random.default_rng(0))


@pytest.mark.parametrize("name", ["bert", "llama", "gpt2"])
def test_given_tokens_are_those_of_their_texts(
    tiny_models: dict[str, TinyModel], name: str
) -> None:
    given_ids = table_of(tiny_models[name], brought(tiny_models[name]), keep_tokens=50)
    of_texts = tokenised(tiny_models[name], settings_of(keep_tokens=50))
    assert given_ids.sequences == of_texts.sequences
    pd.testing.assert_frame_equal(given_ids.kept, of_texts.kept)


def test_what_is_too_long_is_cut_and_told(
    tiny_models: dict[str, TinyModel], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = brought(tiny_models["bert"])
    found = table_of(tiny_models["bert"], corpus, max_length=9).sequences
    assert found == [own[:9].tolist() for own in corpus["input_ids"]]
    longer = sum(len(own) > 9 for own in corpus["input_ids"])
    assert 0 < longer < len(corpus)
    assert f"given tokens: {longer} of {len(corpus)} inputs are cut to 9" in capsys.readouterr().out


def test_ids_of_another_tokenizer_are_refused(tiny_models: dict[str, TinyModel]) -> None:
    by_gpt2, by_bert = brought(tiny_models["gpt2"]), brought(tiny_models["bert"])
    assert max(map(max, by_gpt2["input_ids"])) >= 150 > max(map(max, by_bert["input_ids"]))
    with pytest.raises(ValueError, match=r"is none of the model's 150: the ids were made"):
        table_of(tiny_models["bert"], by_gpt2)
    with pytest.raises(ValueError, match=r"ids of sequence 0 mean another text"):
        table_of(tiny_models["gpt2"], by_bert)
    # One special token apart: `</s>` is no token of its own to GPT-2, and 0 is its end of text.
    with pytest.raises(ValueError, match=r"mean another text"):
        table_of(tiny_models["gpt2"], brought(tiny_models["llama"]))


def test_settings_that_need_a_text_are_refused(tiny_models: dict[str, TinyModel]) -> None:
    corpus = brought(tiny_models["bert"])
    with pytest.raises(ValueError, match="tag_parts_of_speech: true, and the corpus has no words"):
        table_of(tiny_models["bert"], corpus, tag_parts_of_speech=True)
    with pytest.raises(ValueError, match=r"data_prep\.context: given tokens have all"):
        table_of(tiny_models["bert"], corpus.assign(context=[[]] * len(corpus)))


def test_masks_and_tags_of_tokens_stand_at_their_tokens(
    tiny_models: dict[str, TinyModel],
) -> None:
    corpus = brought(tiny_models["bert"])
    corpus["mask_even"] = [np.arange(len(own)) % 2 == 0 for own in corpus["input_ids"]]
    corpus["token_tags"] = [[f"t{token}" for token in own] for own in corpus["input_ids"]]
    kept = table_of(tiny_models["bert"], corpus, max_length=9, keep_tokens=30).kept
    assert len(kept) == 30
    assert kept["mask_even"].dtype == bool
    assert (kept["mask_even"] == (kept["position"] % 2 == 0)).all()
    assert (kept["tag"] == "t" + kept["token_id"].astype(str)).all()


@pytest.mark.parametrize("name", ["bert", "llama", "gpt2"])
@pytest.mark.parametrize("prefix_space", [False, True])
def test_spans_of_a_text_are_masks_of_its_tokens(
    tiny_models: dict[str, TinyModel], name: str, prefix_space: bool
) -> None:
    corpus = corpus_of()
    word = "people"
    spans = [[[text.find(word), text.find(word) + len(word), 1]] for text in TEXTS]
    corpus["mask_word"] = [own if own[0][0] >= 0 else [] for own in spans]
    kept = table_of(tiny_models[name], corpus, prefix_space=prefix_space).kept
    for number, text in enumerate(TEXTS):
        own = kept[(kept["sequence"] == number) & kept["mask_word"]]
        spelled = "".join(token.removeprefix("…").removeprefix("##") for token in own["token"])
        assert spelled.lower() == (word if word in text else "")


@settings(max_examples=200)
@given(
    cuts=st.lists(st.integers(0, 30), min_size=2, max_size=12, unique=True).map(sorted),
    brushes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 1))),
    shift=st.integers(0, 1),
)
def test_the_last_span_that_touches_a_token_decides(
    cuts: list[int], brushes: list[tuple[int, int, int]], shift: int
) -> None:
    offsets = [(0, 0), *pairwise(cuts)]
    spans = [(min(a, b), max(a, b), value) for a, b, value in brushes if a != b]
    expected = []
    for start, stop in offsets:
        characters = set(range(start, stop))
        touching = [v for a, b, v in spans if characters & set(range(a + shift, b + shift))]
        expected.append(bool(touching and touching[-1]))
    assert painted(spans, offsets, shift) == expected
