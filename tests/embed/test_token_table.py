"""The token table: which tokens there are, and what is known of each."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tokenizers import Tokenizer, pre_tokenizers

from lm_geometry.embed.token_table import refuse_texts, tokenise
from lm_geometry.embed.written import CONTINUES, written
from lm_geometry.models.load import load_tokenizer
from tests.conftest import TinyModel
from tests.tokenised_texts import corpus_of, settings_of, tokenised

WORDS = ["The", "president", "'s", "senate", "measured", "sand", "."]
TAGS = ["O", "B-person", "I-person", "B-body", "O", "B-matter", "O"]


def table_of(tiny: TinyModel, corpus: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    tokenizer = load_tokenizer(tiny.source)
    return tokenise(corpus, tokenizer, settings_of(**changes), np.random.default_rng(0)).kept


def tagged_corpus() -> pd.DataFrame:
    """Two sequences with tagged words, of which the second has each word twice as long."""
    words = [WORDS, [word * 2 for word in WORDS]]
    return pd.DataFrame(
        {
            "text": [" ".join(one) for one in words],
            "document": ["a", "b"],
            "words": words,
            "tags": [TAGS, TAGS],
            "label": ["calm", "angry"],
        }
    )


TRIED = "The people of the sands, (theirs)\n by the sea , 12 clays."


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_tokens_are_written_as_a_reader_would(tiny_models: dict[str, TinyModel], name: str) -> None:
    tokenizer = load_tokenizer(tiny_models[name].source)
    ids = tokenizer.encode(TRIED, add_special_tokens=False)
    told = written(ids, tokenizer)
    assert len(set(told.values())) == len(set(ids))
    assert not any("Ġ" in text for text in told.values())
    names = dict(zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True))
    for token_id, text in told.items():
        spelled = names[token_id].removeprefix("Ġ")
        if spelled.isascii() and spelled.isalnum():
            goes_on = not names[token_id].startswith("Ġ") and spelled[0].isalpha()
            assert text == (CONTINUES + spelled if goes_on else spelled)  # no digit is a rest
    # What is written, without its signs, is the text again.
    joined = "".join(_spoken(told[one]) for one in ids).replace(" ", "")
    assert joined == TRIED.replace(" ", "").replace("\n", "↵")


def _spoken(text: str) -> str:
    return text.removeprefix(CONTINUES).removeprefix("␣")


def test_parts_of_a_character_and_special_tokens_keep_their_names(
    tiny_models: dict[str, TinyModel],
) -> None:
    tokenizer = load_tokenizer(tiny_models["gpt2"].source)
    ids = tokenizer.encode("é" + str(tokenizer.eos_token), add_special_tokens=False)
    assert [written(ids, tokenizer)[one] for one in ids] == tokenizer.convert_ids_to_tokens(ids)


def test_long_sequences_are_cut(tiny_models: dict[str, TinyModel]) -> None:
    for name, last in (("llama", None), ("bert", "[SEP]")):
        whole = tokenised(tiny_models[name], settings_of())
        cut = tokenised(tiny_models[name], settings_of(max_length=9))
        for full, short in zip(whole.sequences, cut.sequences, strict=True):
            assert len(short) == min(len(full), 9)
            assert short[:8] == full[:8]
        if last:
            tokens = cut.kept.groupby("sequence")["token"].last()
            assert set(tokens) == {last}


def test_a_space_can_be_put_before_the_first_word(tiny_models: dict[str, TinyModel]) -> None:
    for name, first in (("gpt2", 0), ("llama", 1)):
        plain = tokenised(tiny_models[name], settings_of())
        spaced = tokenised(tiny_models[name], settings_of(prefix_space=True))
        for corpus, begins in ((plain, False), (spaced, True)):
            at_start = corpus.kept[corpus.kept["position"] == first]["token"]
            assert (~at_start.str.startswith(CONTINUES) == begins).all()

    # The rule of `tokenizers` itself, on a copy of GPT-2's tokenizer with its setting changed.
    file = tiny_models["gpt2"].folder / "tokenizer.json"
    own = Tokenizer.from_file(str(file))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    texts = ["The sea.", " The sea.", "", "a  b "]
    spaced = tokenised(tiny_models["gpt2"], settings_of(prefix_space=True), texts)
    assert spaced.sequences == [own.encode(text).ids for text in texts]


def test_the_token_table_names_special_tokens_and_documents(
    tiny_models: dict[str, TinyModel],
) -> None:
    texts = ["Sand and</s> clay.", "A cloud."]
    llama = tokenised(tiny_models["llama"], settings_of(), texts).kept
    special = llama[llama["special"] != ""][["sequence", "token", "special"]].to_numpy().tolist()
    assert special == [[0, "<s>", "bos"], [0, "</s>", "eos,pad"], [1, "<s>", "bos"]]
    assert llama.groupby("sequence")["document"].unique().str[0].tolist() == ["document-0"] * 2
    bert = tokenised(tiny_models["bert"], settings_of(), texts).kept
    ends = bert.groupby("sequence")["special"].agg(["first", "last"])
    assert ends.to_numpy().tolist() == [["cls", "sep"], ["cls", "sep"]]
    gpt2 = tokenised(tiny_models["gpt2"], settings_of(), ["A<|endoftext|>"]).kept
    assert gpt2["special"].tolist()[-1] == "bos,eos,pad"
    tokenizer = load_tokenizer(tiny_models["llama"].source)
    told = written(llama["token_id"].tolist(), tokenizer)
    assert [told[token_id] for token_id in llama["token_id"]] == llama["token"].tolist()


def test_boolean_columns_of_the_corpus_can_be_masks(tiny_models: dict[str, TinyModel]) -> None:
    corpus = corpus_of().assign(happy=[i % 2 == 0 for i in range(8)], turn=range(8))
    tokenizer = load_tokenizer(tiny_models["gpt2"].source)
    settings = settings_of(keep_tokens=50)
    table = tokenise(corpus, tokenizer, settings, np.random.default_rng(0)).kept
    assert table["happy"].tolist() == [number % 2 == 0 for number in table["sequence"]]
    assert "turn" not in table


def test_a_corpus_without_a_token_is_refused(tiny_models: dict[str, TinyModel]) -> None:
    with pytest.raises(ValueError, match="there is no token in any"):
        tokenised(tiny_models["gpt2"], settings_of(), ["", ""])


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
@pytest.mark.parametrize("prefix_space", [False, True])
def test_tokens_get_the_bio_tags_of_their_words(
    tiny_models: dict[str, TinyModel], name: str, prefix_space: bool
) -> None:
    """The reference is the published way: each word tokenised apart, and its own number kept."""
    corpus = tagged_corpus()
    table = table_of(tiny_models[name], corpus, prefix_space=prefix_space)
    tokenizer = load_tokenizer(tiny_models[name].source)
    for number, own in table.groupby("sequence"):
        words = [f" {word}" for word in corpus["words"][number]]
        words[0] = words[0] if prefix_space else words[0].strip()
        encoded = tokenizer(words, is_split_into_words=True)
        assert own["token_id"].tolist() == encoded["input_ids"]
        expected = []
        for previous, word in pairwise([None, *encoded.word_ids()]):
            tag = "" if word is None else TAGS[word]
            expected.append(tag.replace("B-", "I-") if word == previous else tag)
        assert own["tag"].tolist() == expected
        assert sum(tag.startswith("B-") for tag in expected) == 3
    assert "I-matter" in set(table["tag"])  # "sandsand" is no single token


def test_words_that_do_not_make_the_text_are_refused(tiny_models: dict[str, TinyModel]) -> None:
    corpus = tagged_corpus().assign(text=["The sea.", "The sea."])
    with pytest.raises(ValueError, match="sequence 0 of the corpus: its words do not make its"):
        table_of(tiny_models["gpt2"], corpus)
    corpus = tagged_corpus().assign(tags=[TAGS, TAGS[:-1]])
    with pytest.raises(ValueError, match="sequence 1 of the corpus: 7 words have 6 tags"):
        table_of(tiny_models["gpt2"], corpus)


def test_text_that_was_stripped_keeps_its_tags(tiny_models: dict[str, TinyModel]) -> None:
    corpus = tagged_corpus()
    table = table_of(tiny_models["bert"], corpus)
    spaced = corpus.assign(words=[[f" {words[0]}", *words[1:]] for words in corpus["words"]])
    assert table_of(tiny_models["bert"], spaced)["tag"].tolist() == table["tag"].tolist()


def test_labels_and_named_columns_are_those_of_the_sequence(
    tiny_models: dict[str, TinyModel],
) -> None:
    corpus = tagged_corpus().assign(turn=[7, 8], speaker=["user", None], score=[0.5, 1.5])
    plain = table_of(tiny_models["llama"], corpus)
    expected = ["sequence", "position", "document", "token_id", "token", "special", "label", "tag"]
    assert list(plain) == expected
    assert plain["label"].tolist() == [["calm", "angry"][i] for i in plain["sequence"]]
    table = table_of(tiny_models["llama"], corpus, columns=["turn", "speaker"], keep_tokens=9)
    assert table["turn"].tolist() == [[7, 8][i] for i in table["sequence"]]
    assert table["speaker"].isna().tolist() == (table["sequence"] == 1).tolist()
    for wrong in ("score", "words", "text", "position", "emotion"):
        with pytest.raises(
            ValueError, match=f"'{wrong}' is no column of .*there are label, speaker, turn"
        ):
            table_of(tiny_models["llama"], corpus, columns=[wrong])


def test_a_column_of_texts_is_refused_where_the_text_is_private() -> None:
    table = pd.DataFrame({"speaker": ["user"], "reply": ["We the people " * 5], "turn": [3]})
    refuse_texts(table, ["speaker", "turn", "label"])
    with pytest.raises(ValueError, match="'reply' has values of more than 64 characters"):
        refuse_texts(table, ["speaker", "reply"])


def test_tagged_words_need_a_tokenizer_that_knows_its_offsets(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    monkeypatch.setattr(type(tokenizer), "is_fast", False)
    with pytest.raises(ValueError, match="need a fast tokenizer"):
        tokenise(tagged_corpus(), tokenizer, settings_of(), np.random.default_rng(0))
