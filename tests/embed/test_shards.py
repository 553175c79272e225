"""Shards of a corpus split: other cells, the same batches and bytes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lm_geometry.embed import run as embedding_run
from lm_geometry.embed import shards
from lm_geometry.embed.forward_pass import batches
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.workspace import machine
from tests.conftest import TEXTS, TinyModel
from tests.prepared_prompts import WORDS
from tests.tokenised_texts import prepare_corpora, settings_of, stored_files, tokenised
from tests.unfinished_work import unpublished


def texts(number: int = 60) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 40))) for _ in range(number)]


def passes(corpus: TokenisedCorpus, batch_tokens: int) -> list[list[int]]:
    """The numbers of the sequences of each batch."""
    numbers = np.array(list(corpus.rows))
    lengths = np.array([len(corpus.sequences[number]) for number in numbers])
    return [numbers[batch].tolist() for batch in batches(lengths, batch_tokens)]


@pytest.mark.parametrize("batch_tokens", [1, 64, 300])
def test_batches_of_shards_are_those_of_the_whole_split(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch, batch_tokens: int
) -> None:
    settings = settings_of(batch_tokens=batch_tokens, keep_tokens=900)
    corpus = tokenised(tiny_models["llama"], settings, texts())
    monkeypatch.setattr(shards, "SHARD_TOKENS", 400)
    found = shards.shards(corpus, settings, "decoder")
    assert len(found) > 3
    assert sorted(np.concatenate([one.rows for one in found]).tolist()) == list(range(900))
    expected = passes(corpus, batch_tokens)
    assert [b for one in found for b in passes(one.corpus, batch_tokens)] == expected
    assert all(one.size >= 400 for one in found[:-1])
    for one in found:
        assert one.corpus.kept.equals(corpus.kept.iloc[one.rows].reset_index(drop=True))


@pytest.mark.parametrize(("name", "mode"), [("gpt2", "regular"), ("bert", "masked_token")])
def test_a_split_of_many_shards_has_the_bytes_of_one(
    project: Path,
    tiny_models: dict[str, TinyModel],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    mode: str,
) -> None:
    source, settings = tiny_models[name].source, settings_of(mode=mode, batch_tokens=100)
    prepare_corpora({"large": texts(16), "small": TEXTS[:2]})
    written: list[dict[str, bytes]] = []
    for tokens in (2**16, 200):
        monkeypatch.setattr(shards, "SHARD_TOKENS", tokens)
        one = embedding_run.embedding(source, settings, seed=0)
        shutil.rmtree(project / ".scratch")
        embedding_run.embed(source, settings, seed=0)
        files = stored_files(project)
        written.append({str(file.relative_to(project)): file.read_bytes() for file in files})
        for file in files:
            file.unlink()
        assert (len(one.cells) == 2) == (tokens == 2**16)
    assert written[0] == written[1]
    assert not unpublished(project / ".scratch" / "embed")


def test_shards_by_hand_and_after_a_kill_within_gathering_are_taken(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, settings = tiny_models["gpt2"].source, settings_of(batch_tokens=100, layers=[1])
    prepare_corpora({"large": texts(16), "small": TEXTS[:2]})
    monkeypatch.setattr(shards, "SHARD_TOKENS", 200)
    embedding_run.embed(source, settings, seed=0)
    whole = {file: file.read_bytes() for file in stored_files(project)}
    for file in whole:
        file.unlink()
    shutil.rmtree(project / ".scratch")
    for part in ("2/2", "1/2"):
        chosen = machine.Machine.model_validate({"shard": part})
        monkeypatch.setattr(machine, "machine", lambda settings=chosen: settings)
        embedding_run.embed(source, settings, seed=0)
    assert stored_files(project) == []
    monkeypatch.setattr(machine, "machine", lambda: machine.Machine.model_validate({}))
    with monkeypatch.context() as patched:
        patched.setattr("lm_geometry.workspace.cells.Cells.forget", _killed)
        with pytest.raises(KeyboardInterrupt):
            embedding_run.embed(source, settings, seed=0)
    monkeypatch.setattr("lm_geometry.embed.embedding.load_placed", None)  # nothing is computed
    embedding_run.embed(source, settings, seed=0)
    assert {file: file.read_bytes() for file in stored_files(project)} == whole


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
