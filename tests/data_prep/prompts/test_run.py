"""Prompts: which texts are chosen, their tokens, and the order of their blocks."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from transformers import BartConfig

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.params import DataPrep, Model, Prompts
from lm_geometry.data_prep.prompts import run as preparing
from lm_geometry.data_prep.prompts.block_orders import block_orders
from lm_geometry.data_prep.prompts.draw import draw, token_counts
from lm_geometry.data_prep.prompts.run import prepare_prompts
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.prompts import read_prompts
from lm_geometry.outs.data_prep.shuffling import shuffled_positions
from lm_geometry.outs.data_prep.tokens import prompt_tokens
from lm_geometry.workspace import machine
from tests.architectures.matrix import tokenizer

WORDS = ["the", "senate", "met", "in", "morning", "president", "spoke", "of", "river", "sea"]


def _text(words: int, seed: int) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> dict[str, Corpus]:
    """Corpora by alias, instead of catalogue/corpora.yaml."""
    entries: dict[str, Corpus] = {}
    monkeypatch.setattr(preparing, "resolve", lambda name: entries[name])
    return entries


@pytest.fixture
def documents(project: Path, catalogue: dict[str, Corpus]) -> dict[str, list[str]]:
    """The corpus `own`, of 12 documents of 1 … 4 sequences of 10 to 120 words."""
    found = {
        f"d{i}": [f"  {_text(10 * (i + 1), 7 * i + j)} " for j in range(1 + i % 4)]
        for i in range(12)
    }
    lines = [{"text": text, "document": key} for key, texts in found.items() for text in texts]
    (project / "texts.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    own = {"source": f"file:{project / 'texts.jsonl'}", "reader": "table"}
    catalogue["own"] = Corpus.model_validate(own | {"document_column": "document"})
    return found


def _settings(**values: Any) -> Prompts:
    corpus = {"corpus": "own", "tokens": 64, "shuffles": [0, 1, 3]}
    return Prompts.model_validate(corpus | values)


def _model(tiny_models: Any, name: str) -> str:
    return f"file:{tiny_models[name].folder}"


def test_a_prompt_is_the_start_of_a_document_that_every_tokenizer_finds_long_enough(
    project: Path, documents: dict[str, list[str]], tiny_models: Any
) -> None:
    settings = _settings(count="all", tokenizers=[_model(tiny_models, "bert")])
    counts = prepare_prompts(
        settings,
        DataPrep.model_validate({}),
        Model.model_validate({"name": _model(tiny_models, "gpt2")}),
    )
    whole = ["\n\n".join(texts).strip() for texts in documents.values()]
    tokenizers = {name: load_tokenizer(tiny_models[name].source) for name in ("bert", "gpt2")}
    lengths = {
        name: [len(tokenizer.tokenize(text)) for text in whole]
        for name, tokenizer in tokenizers.items()
    }
    expected = [i for i in range(12) if min(found[i] for found in lengths.values()) >= 64]
    assert 0 < len(expected) < 12
    prompts = read_prompts()
    assert prompts.numbers == expected
    assert counts == {"texts": 12, "long_enough": len(expected), "prompts": len(expected)}
    assert list(prompts.table["document"]) == [f"d{i}" for i in expected]
    starts = np.cumsum([0, *map(len, documents.values())])
    assert list(prompts.table["sequence"]) == [starts[i] for i in expected]
    assert list(prompts.table["sequences"]) == [1 + i % 4 for i in expected]
    recorded = prompts.lengths.set_index(["tokenizer", "prompt"])["tokens"]
    for name, found in lengths.items():
        assert [recorded[name, i] for i in expected] == [found[i] for i in expected]
        ids = prompts.token_ids(tokenizers[name])
        for row, i in zip(ids, expected, strict=True):
            tokens = tokenizers[name].convert_ids_to_tokens(row.tolist())
            assert tokens == tokenizers[name].tokenize(whole[i])[:64]


def test_a_model_that_cannot_read_so_many_tokens_has_no_prompts(
    project: Path, documents: dict[str, list[str]], tiny_models: Any
) -> None:
    model = Model.model_validate({"name": _model(tiny_models, "gpt2")})
    data = DataPrep.model_validate({})
    counts = prepare_prompts(_settings(tokens=320, shuffles=[0, 1]), data, model)
    assert counts["prompts"] == 0
    prompts = read_prompts()
    assert prompts.index.nothing == (
        "gpt2 reads at most 256 tokens, and data_prep.prompts.tokens is 320"
    )
    assert (len(prompts.table), len(prompts.lengths), prompts.orders) == (0, 0, {})
    prepare_prompts(_settings(tokens=256, count=1, shuffles=[0, 1]), data, model)
    assert (len(read_prompts().table), read_prompts().index.nothing) == (1, "")


def test_sequences_can_be_prompts_and_a_split_has_its_documents_alone(
    project: Path, documents: dict[str, list[str]], tiny_models: Any
) -> None:
    model = Model.model_validate({"name": _model(tiny_models, "gpt2")})
    data = DataPrep.model_validate(
        {"proportions": {"train": 0.4, "validation": 0.3, "test": 0.3}, "min_characters": 100}
    )
    parts = []
    for split in ("train", "validation", "test"):
        settings = _settings(split=split, unit="sequence", count="all", tokens=16, shuffles=[0, 2])
        prepare_prompts(settings, data, model)
        parts.append(set(read_prompts().table["document"]))
        assert read_prompts().table["sequences"].eq(1).all()
    long = {key for key, texts in documents.items() if max(map(len, map(str.strip, texts))) >= 100}
    assert parts[0] | parts[1] | parts[2] == long  # what data-prep drops is in none of its splits
    assert sum(map(len, parts)) == len(long)
    settings = _settings(unit="sequence", count="all", tokens=16, shuffles=[0])
    prepare_prompts(settings, data, model)
    every = [text.strip() for texts in documents.values() for text in texts]
    texts = read_prompts().texts()
    assert texts
    assert all(texts[prompt] == every[prompt] for prompt in texts)


def test_years_of_the_entry_hold_for_prompts_too(
    project: Path, catalogue: dict[str, Corpus], tiny_models: Any
) -> None:
    folder = project / "speeches"
    folder.mkdir()
    for year in (1789, 1800, 1850, 1900):
        (folder / f"{year}-name-1.txt").write_text(_text(80, year), encoding="utf-8")
    old = {"source": f"file:{folder}", "reader": "speeches", "years": [1790, 1860]}
    catalogue["old"] = Corpus.model_validate(old)
    settings = _settings(corpus="old", count="all")
    prepare_prompts(
        settings,
        DataPrep.model_validate({}),
        Model.model_validate({"name": _model(tiny_models, "gpt2")}),
    )
    assert list(read_prompts().table["document"]) == ["1800-name-1", "1850-name-1"]


def test_the_draw_is_the_published_one_and_says_when_there_are_too_few() -> None:
    candidates = np.arange(100, 400, 3)
    generator = np.random.RandomState(42)
    expected = np.sort(candidates[generator.permutation(len(candidates))[:9]])
    np.testing.assert_array_equal(draw(candidates, 9, 42), expected)
    assert set(draw(candidates, 5, 42)) < set(draw(candidates, 9, 42))
    np.testing.assert_array_equal(draw(candidates, "all", 42), candidates)
    with pytest.raises(ValueError, match="no text is long enough"):
        draw(candidates[:0], "all", 42)
    with pytest.raises(ValueError, match="count: 101 prompts were asked for, and 100 texts"):
        draw(candidates, 101, 42)


@pytest.mark.parametrize("order", ["default", "paper"])
def test_blocks_change_places_and_nothing_inside_them(order: Any) -> None:
    orders = block_orders([3, 9], range(6), 42, order)
    text = np.random.default_rng(0).integers(0, 5000, 1024)
    for (_, shuffle), blocks in orders.items():
        positions = shuffled_positions(blocks, 1024)
        assert sorted(positions) == list(range(1024))
        length = 1024 // 4**shuffle
        given = text.reshape(-1, length)
        got = text[positions].reshape(-1, length)
        assert Counter(map(tuple, got)) == Counter(map(tuple, given))
        steps = np.diff(positions.reshape(-1, length), axis=1)
        assert (steps == 1).all()
    np.testing.assert_array_equal(shuffled_positions(orders[3, 0], 1024), np.arange(1024))
    assert orders[3, 5].tolist() != orders[9, 5].tolist()


def test_an_order_depends_on_its_seed_prompt_and_shuffle_alone() -> None:
    alone = block_orders([9], [3], 42)[9, 3]
    among = block_orders([1, 9, 30], [0, 1, 3, 5], 42)[9, 3]
    np.testing.assert_array_equal(alone, among)
    assert block_orders([9], [3], 43)[9, 3].tolist() != alone.tolist()


def test_the_published_generator_draws_prompt_after_prompt() -> None:
    generator = np.random.RandomState(42)
    drawn = {(p, s): generator.permutation(4**s) for p in (14, 20) for s in range(6)}
    found = block_orders([14, 20], [0, 5], 42, "paper")
    assert set(found) == {(14, 0), (14, 5), (20, 0), (20, 5)}
    for key, blocks in found.items():
        np.testing.assert_array_equal(blocks, drawn[key])


def test_every_permutation_of_four_blocks_is_as_likely_as_another() -> None:
    orders = block_orders(range(4800), [1], 0)
    counts = Counter(tuple(blocks) for blocks in orders.values())
    assert len(counts) == 24
    chi_square = sum((count - 200) ** 2 / 200 for count in counts.values())
    assert chi_square < 49.7  # 0.1 % of a chi-square of 23 degrees of freedom


def test_the_prompts_of_every_model_are_shuffled_alike(
    project: Path, documents: dict[str, list[str]], tiny_models: Any
) -> None:
    found = []
    both = [_model(tiny_models, "bert"), _model(tiny_models, "gpt2")]
    for name in both:
        settings = _settings(count=3, tokenizers=both)
        prepare_prompts(settings, DataPrep.model_validate({}), Model.model_validate({"name": name}))
        found.append(read_prompts())
    first, second = found
    assert first.numbers == second.numbers
    assert len(first.numbers) == 3
    for key, order in first.orders.items():
        np.testing.assert_array_equal(order, second.orders[key])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tokens": 1000}, "shuffles: 5 makes 1024 blocks, and tokens = 1000 is not divisible"),
        ({"shuffles": [-1]}, "-1 is not a whole number from 0"),
        ({"shuffles": [1, 1]}, r"shuffles: \[1, 1\] names one twice"),
        ({"tokenizers": ["gpt2", "gpt2"]}, "tokenizers: .* names one twice"),
        ({"count": -2}, "count: -2 must be 0 or more, or all"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Prompts.model_validate(values)


def test_lengths_that_blocks_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="1000 tokens cannot be cut into 16 blocks"):
        shuffled_positions(np.arange(16), 1000)


def test_special_tokens_and_white_space_are_no_part_of_a_prompt(tiny_models: Any) -> None:
    tokenizer = load_tokenizer(tiny_models["llama"].source)
    text = " \n the sea of sand  "
    plain = tokenizer.convert_tokens_to_ids(tokenizer.tokenize("the sea of sand"))
    assert tokenizer(text)["input_ids"][0] == tokenizer.bos_token_id  # it would add one
    assert token_counts([text, ""], tokenizer).tolist() == [len(plain), 0]
    assert prompt_tokens(text, tokenizer, 3).tolist() == plain[:3]
    with pytest.raises(ValueError, match=f"a text has {len(plain)} tokens and 64 are needed"):
        prompt_tokens(text, tokenizer, 64)


def test_too_few_texts_are_told(
    project: Path, documents: dict[str, list[str]], tiny_models: Any
) -> None:
    settings = _settings(count=12)
    with pytest.raises(
        ValueError, match=r"12 prompts were asked for, and 11 texts are long enough"
    ):
        prepare_prompts(
            settings,
            DataPrep.model_validate({}),
            Model.model_validate({"name": _model(tiny_models, "gpt2")}),
        )


def test_text_that_must_not_be_passed_on_is_no_output(
    project: Path, documents: dict[str, list[str]], tiny_models: Any, monkeypatch: Any
) -> None:
    settings = _settings(count=2)
    prepare_prompts(
        settings,
        DataPrep.model_validate({}),
        Model.model_validate({"name": _model(tiny_models, "gpt2")}),
    )
    assert not (project / "data" / "prompts" / "texts.parquet").exists()
    prompts = read_prompts()
    text = prompts.texts()[prompts.numbers[0]]
    assert text == "\n\n".join(documents[f"d{prompts.numbers[0]}"]).strip()
    for file in (project / "data").rglob("*"):
        assert not file.is_file() or text[:20].encode() not in file.read_bytes()
    monkeypatch.setattr(machine, "private_texts", lambda: project / "another")
    with pytest.raises(FileNotFoundError, match="is not on this machine"):
        prompts.texts()


def test_the_same_parameters_give_the_same_bytes(
    project: Path,
    documents: dict[str, list[str]],
    catalogue: dict[str, Corpus],
    tiny_models: Any,
) -> None:
    catalogue["own"] = catalogue["own"].model_copy(update={"redistribute": True})
    found = []
    for _ in range(2):
        settings = _settings(count=3)
        prepare_prompts(
            settings,
            DataPrep.model_validate({}),
            Model.model_validate({"name": _model(tiny_models, "gpt2")}),
        )
        root = project / "data" / "prompts"
        found.append(
            {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}
        )
    assert found[0] == found[1]
    assert "texts.parquet" in found[0]


def test_a_run_without_prompts_writes_tables_without_rows(
    project: Path, documents: dict[str, list[str]]
) -> None:
    settings = Prompts.model_validate({"corpus": "own", "count": 0})
    counts = prepare_prompts(settings, DataPrep.model_validate({}), Model.model_validate({}))
    assert counts == {"texts": 0, "long_enough": 0, "prompts": 0}
    prompts = read_prompts()
    assert prompts.numbers == []
    assert prompts.orders == {}
    assert prompts.token_ids(None).shape == (0, 1024)


def test_the_prompts_of_an_encoder_decoder_ask_for_no_half(
    documents: dict[str, list[str]], tmp_path: Path
) -> None:
    """Its states are of a half, its tokenizer is of the whole."""
    size = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 100}
    BartConfig(**size, max_position_embeddings=512).save_pretrained(tmp_path / "bart")
    tokenizer().save_pretrained(tmp_path / "bart")
    named = f"file:{tmp_path / 'bart'}"
    model = Model.model_validate({"name": named, "half": "encoder"})
    settings = _settings(tokens=16, count=2, shuffles=[0], tokenizers=[named])
    assert (
        prepare_prompts(settings, DataPrep.model_validate({}), model, longest=512)["prompts"] == 2
    )
