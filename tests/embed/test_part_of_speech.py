"""Parts of speech, by a tagger that is trained here and saved where nltk looks for its data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.embed import part_of_speech
from lm_geometry.embed import run as embedding_run
from lm_geometry.embed.token_table import tokenise
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_tokens
from lm_geometry.workspace import paths
from tests.conftest import TinyModel
from tests.tokenised_texts import prepare_corpora, settings_of

nltk_data = pytest.importorskip("nltk.data", reason="requirements/tags.txt is not installed")

SENTENCES = [
    [("The", "DT"), ("senate", "NN"), ("met", "VBD"), (".", ".")],
    [("Rivers", "NNS"), ("carry", "VBP"), ("sand", "NN"), ("and", "CC"), ("clay", "NN")],
    [("We", "PRP"), ("did", "VBD"), ("n't", "RB"), ("carry", "VB"), ("it", "PRP"), (".", ".")],
    [("It", "PRP"), ("moved", "VBD"), ("the", "DT"), ("sand", "NN"), (".", ".")],
]
TEXT = "The senate met. We didn't carry sand."
EXPECTED = {
    "The": "DT",
    "senate": "NN",
    "met": "VBD",
    "We": "PRP",
    "did": "VBD",
    "n't": "RB",
    "sand": "NN",
    ".": ".",
}


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """nltk finds the data of a small tagger, and no others."""
    from nltk.tag.perceptron import PerceptronTagger

    folder = tmp_path / "nltk" / "taggers" / part_of_speech.DATA
    folder.mkdir(parents=True)
    tagger = PerceptronTagger(load=False)
    tagger.train(SENTENCES * 10)
    saved = {
        "weights": tagger.model.weights,
        "tagdict": tagger.tagdict,
        "classes": sorted(tagger.classes),
    }
    for name, value in saved.items():
        file = folder / f"averaged_perceptron_tagger_eng.{name}.json"
        file.write_text(json.dumps(value))
    monkeypatch.setattr(nltk_data, "path", [str(tmp_path / "nltk")])
    part_of_speech.tagger.cache_clear()
    yield
    part_of_speech.tagger.cache_clear()


@pytest.mark.usefixtures("trained")
def test_words_of_a_text_get_the_tags_that_were_learnt() -> None:
    spans, tags = part_of_speech.tagged_words(f"  {TEXT} ")
    words = [f"  {TEXT} "[start:end] for start, end in spans]
    assert words == ["The", "senate", "met", ".", "We", "did", "n't", "carry", "sand", "."]
    found = dict(zip(words, tags, strict=True))
    assert {word: found[word] for word in EXPECTED} == EXPECTED
    assert part_of_speech.tagged_words(" ") == ([], [])


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("text", ["''", '`` "', "a '' \"b\" `` c ''", '"" \'\' ``"``'])
def test_mixed_quotation_marks_lose_no_character(text: str) -> None:
    spans, tags = part_of_speech.tagged_words(text)
    assert "".join(text[start:end] for start, end in spans) == text.replace(" ", "")
    assert len(tags) == len(spans)


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_tokens_of_a_word_share_its_part_of_speech(
    tiny_models: dict[str, TinyModel], name: str
) -> None:
    tokenizer = load_tokenizer(tiny_models[name].source)
    corpus = pd.DataFrame({"text": [TEXT, ""], "document": ["a", "b"]})

    def table_of(corpus: pd.DataFrame, **changes: Any) -> pd.DataFrame:
        settings = settings_of(tag_parts_of_speech=True, **changes)
        return tokenise(corpus, tokenizer, settings, np.random.default_rng(0)).kept

    table = table_of(corpus)
    added = table["special"].isin(["bos", "cls", "sep"])
    assert (table.loc[added, "part_of_speech"] == "").all()
    inside = table[~added]
    offsets = tokenizer(TEXT, return_offsets_mapping=True)["offset_mapping"]
    offsets = [(start, end) for start, end in offsets if start < end]
    of_character = [""] * len(TEXT)
    for (start, end), tag in zip(*part_of_speech.tagged_words(TEXT), strict=True):
        of_character[start:end] = [tag] * (end - start)
    begins = [end - len(TEXT[start:end].lstrip()) for start, end in offsets]
    assert inside["part_of_speech"].tolist() == [of_character[begin] for begin in begins]
    given = corpus.assign(words=[["The", "senate", "met.", "We", "didn't", "carry", "sand."], []])
    by_words = table_of(given)
    second = by_words[by_words["special"] == ""].iloc[1]
    assert second["part_of_speech"] in ("DT", "NN")
    some = table_of(corpus, keep_tokens=5)
    keys = ["sequence", "position"]
    both = some.merge(table, on=keys)
    assert len(both) == 5
    assert both["part_of_speech_x"].tolist() == both["part_of_speech_y"].tolist()


@pytest.mark.usefixtures("trained")
def test_a_private_text_shares_its_parts_of_speech_but_not_its_tokens(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    prepare_corpora({"secret": [TEXT]})
    settings = settings_of(layers=[1], tag_parts_of_speech=True)
    embedding_run.embed(tiny_models["gpt2"].source, settings, seed=0)
    table = read_tokens(CorpusSplit("secret", "test", "0" * 64))
    expected = ["sequence", "position", "document", "special", "part_of_speech"]
    assert list(table) == expected
    assert {"DT", "NN", "VBD"} <= set(table["part_of_speech"])


def test_absent_data_are_one_sentence_before_any_forward_pass(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nltk_data, "path", [str(project)])
    part_of_speech.tagger.cache_clear()
    prepare_corpora({"open": [TEXT]})
    with pytest.raises(SystemExit, match=r"nltk\.downloader averaged_perceptron_tagger_eng`"):
        embedding_run.embed(
            tiny_models["gpt2"].source, settings_of(tag_parts_of_speech=True), seed=0
        )
    assert not paths.HIDDEN_STATES.exists()
