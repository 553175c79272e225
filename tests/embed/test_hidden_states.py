"""Hidden states and losses against the bare model's own forward pass of one sequence at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lm_geometry.embed import embedding, token_loss
from lm_geometry.embed import run as embedding_run
from lm_geometry.embed.forward_pass import batches
from lm_geometry.embed.hidden_states import HiddenStates, combined
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.models.load import load_model
from lm_geometry.models.probe import probe
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import (
    read_embedded,
    read_losses,
    read_states,
    read_tokens,
)
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import read_meta
from tests.conftest import TEXTS, WIDTH, TinyModel
from tests.tokenised_texts import prepare_corpora, settings_of, stored_files, tokenised
from tests.unfinished_work import unpublished

CLOSE = 1e-5  # of a vector's norm


def computed(
    tiny: TinyModel,
    settings: Embed,
    corpus: TokenisedCorpus,
    model: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """States `[layers, tokens, width]` and losses `[tokens]` as the pipeline computes them."""
    layers = tiny.source.resolved_layers(settings.layers)
    run = HiddenStates(model or load_model(tiny.source), "cpu", torch.float32, 0, layers)
    stored = layers if settings.combine_layers == "none" else [-1]
    width = WIDTH * (len(layers) if settings.combine_layers == "concatenate" else 1)
    arrays = np.full((len(stored), len(corpus.kept), width), np.inf, dtype=np.float32)
    by_name: Any = {paths.layer_file(layer): arrays[i] for i, layer in enumerate(stored)}
    losses = np.full(len(corpus.kept), np.inf, dtype=np.float32)
    run.write(corpus, settings, by_name, losses, "test")
    return arrays, losses


@torch.no_grad()
def bare(tiny: TinyModel, sequences: list[list[int]]) -> np.ndarray:
    """All states `[layers, tokens, width]` of the bare model, without batches or padding."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny.folder, dtype=torch.float32).eval()
    outputs = [
        model(torch.tensor([ids]), output_hidden_states=True).hidden_states for ids in sequences
    ]
    return np.concatenate([torch.stack(states)[:, 0].numpy() for states in outputs], axis=1)


def assert_close(ours: np.ndarray, reference: np.ndarray) -> None:
    assert ours.shape == reference.shape
    error = np.linalg.norm(ours - reference, axis=-1) / np.linalg.norm(reference, axis=-1)
    assert error.max() <= CLOSE


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
@pytest.mark.parametrize("batch_tokens", [1, 1500, 100_000])
def test_states_are_those_of_each_sequence_alone(
    tiny_models: dict[str, TinyModel], name: str, batch_tokens: int
) -> None:
    tiny = tiny_models[name]
    settings = settings_of(batch_tokens=batch_tokens)
    corpus = tokenised(tiny, settings)
    lengths = np.array([len(ids) for ids in corpus.sequences])
    sizes = [len(batch) for batch in batches(lengths, batch_tokens)]
    assert (sizes == [8]) == (batch_tokens == 100_000)
    assert (max(sizes) == 1) == (batch_tokens == 1)  # else some sequences are padded
    ours, _ = computed(tiny, settings, corpus)
    assert ours.shape[0] == tiny.source.layers + 1
    assert_close(ours, bare(tiny, corpus.sequences))


def test_a_last_batch_that_is_smaller_lands_in_its_own_rows(
    tiny_models: dict[str, TinyModel],
) -> None:
    tiny = tiny_models["llama"]
    settings = settings_of(max_length=8, batch_tokens=24)
    corpus = tokenised(tiny, settings)
    lengths = np.array([len(ids) for ids in corpus.sequences])
    assert [len(batch) for batch in batches(lengths, 24)] == [3, 3, 1, 1]
    ours, _ = computed(tiny, settings, corpus)
    assert_close(ours, bare(tiny, corpus.sequences))


def test_batches_hold_every_sequence_once_within_the_limit() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 200)
    found = list(batches(lengths, 100))
    assert sorted(np.concatenate(found).tolist()) == list(range(200))
    assert all(len(batch) * lengths[batch].max() <= 100 for batch in found)
    padding = sum(len(batch) * lengths[batch].max() for batch in found) / lengths.sum()
    assert padding < 1.15
    heavy = np.sort(np.random.default_rng(0).lognormal(2.7, 0.8, 200).astype(int) + 1)
    full = list(batches(heavy, 2048))
    assert sorted(np.concatenate(full).tolist()) == list(range(200))
    assert sum(len(batch) * heavy[batch].max() for batch in full) < 1.1 * heavy.sum()
    assert min(len(batch) * heavy[batch].max() for batch in full[:-1]) >= 200
    assert [b.tolist() for b in batches(np.array([500, 3]), 100)] == [[0], [1]]


def test_layers_are_numbered_as_the_model_numbers_them(tiny_models: dict[str, TinyModel]) -> None:
    tiny = tiny_models["llama"]
    corpus = tokenised(tiny, settings_of())
    model = load_model(tiny.source)
    seen: dict[int, torch.Tensor] = {}
    for number, block in enumerate(model.model.layers):
        block.register_forward_hook(lambda _m, _i, output, n=number: seen.update({n: output}))
    with torch.no_grad():
        ids = torch.tensor([corpus.sequences[0]])
        model(ids)
        expected = [model.model.embed_tokens(ids), seen[0], seen[1], model.model.norm(seen[2])]
    found, _ = computed(tiny, settings_of(layers=[-1, 0, 2, 1]), corpus)
    rows = corpus.rows[0]
    for array, layer in zip(found, [3, 0, 2, 1], strict=True):
        assert_close(array[rows], expected[layer][0].numpy())


def test_final_norms_are_recognised(tiny_models: dict[str, TinyModel]) -> None:
    probed = {name: probe(load_model(tiny.source)) for name, tiny in tiny_models.items()}
    found = {name: findings.last_after_norm for name, findings in probed.items()}
    assert found == {"llama": True, "gpt2": True, "bert": False}


def test_layers_are_combined_and_normalised(tiny_models: dict[str, TinyModel]) -> None:
    tiny = tiny_models["gpt2"]
    corpus = tokenised(tiny, settings_of())
    every, _ = computed(tiny, settings_of(), corpus)
    mean, _ = computed(tiny, settings_of(layers=[1, 2], combine_layers="mean"), corpus)
    np.testing.assert_allclose(mean[0], (every[1] + every[2]) / 2, rtol=1e-6, atol=1e-6)
    both, _ = computed(tiny, settings_of(layers=[2, 0], combine_layers="concatenate"), corpus)
    np.testing.assert_array_equal(both[0], np.concatenate([every[2], every[0]], axis=-1))
    unit, _ = computed(
        tiny, settings_of(layers=[2, 0], combine_layers="concatenate", normalise="l2"), corpus
    )
    np.testing.assert_allclose(np.linalg.norm(unit[0], axis=-1), 1, rtol=1e-6)
    scale = np.linalg.norm(both[0], axis=-1, keepdims=True)
    np.testing.assert_allclose(unit[0] * scale, both[0], rtol=1e-5)


def test_zero_vectors_stay_when_vectors_are_normalised() -> None:
    states = np.array([[[3.0, 4.0], [0.0, 0.0]]], dtype=np.float32)
    found = combined(states, settings_of(normalise="l2"))
    np.testing.assert_array_equal(found[0], np.array([[0.6, 0.8], [0, 0]], dtype=np.float32))
    assert found[0].dtype == np.float32


def test_kept_rows_are_those_of_the_whole_corpus(tiny_models: dict[str, TinyModel]) -> None:
    tiny = tiny_models["llama"]
    whole = tokenised(tiny, settings_of())
    every, losses = computed(tiny, settings_of(), whole)
    settings = settings_of(keep_tokens=37)
    some = tokenised(tiny, settings, seed=5)
    assert len(some.kept) == 37
    states, some_losses = computed(tiny, settings, some)
    keys = ["sequence", "position"]
    numbers = whole.kept.reset_index().set_index(keys)["index"]
    rows = numbers.loc[list(some.kept[keys].itertuples(index=False, name=None))].to_numpy()
    assert (np.diff(rows) > 0).all()
    assert_close(states, every[:, rows])
    np.testing.assert_allclose(some_losses, losses[rows], rtol=1e-5)
    other = tokenised(tiny, settings, seed=6)
    assert not other.kept[keys].equals(some.kept[keys])
    assert tokenised(tiny, settings, seed=5).kept.equals(some.kept)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_losses_are_those_of_transformers(tiny_models: dict[str, TinyModel], name: str) -> None:
    tiny = tiny_models[name]
    corpus = tokenised(tiny, settings_of())
    _, losses = computed(tiny, settings_of(batch_tokens=90), corpus)
    model = load_model(tiny.source)
    compared = 0
    for number, ids in enumerate(corpus.sequences):
        own = losses[corpus.rows[number]]
        assert np.isnan(own[0])
        assert not np.isnan(own[1:]).any()
        tokens = torch.tensor([ids])
        if len(ids) > 1:
            with torch.no_grad():
                expected = float(model(tokens, labels=tokens).loss)
            assert own[1:].mean() == pytest.approx(expected, rel=1e-5)
            compared += 1
    assert compared >= 7


def test_logits_are_never_made_for_more_than_a_chunk_of_positions(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = tiny_models["llama"]
    corpus = tokenised(tiny, settings_of())
    _, expected = computed(tiny, settings_of(), corpus)
    assert token_loss.LOSS_CHUNK <= 1024
    monkeypatch.setattr(token_loss, "LOSS_CHUNK", 7)
    model = load_model(tiny.source)
    positions: list[int] = []
    model.lm_head.register_forward_hook(
        lambda _m, _i, logits: positions.append(logits[..., 0].numel())
    )
    _, losses = computed(tiny, settings_of(), corpus, model)
    del positions[:3]  # of the probe
    assert max(positions) == 7
    assert sum(positions) == sum(len(ids) - 1 for ids in corpus.sequences)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    run = HiddenStates(model, "cpu", torch.float32, 0, [1])
    positions.clear()
    arrays: Any = {"layer-01.npy": np.zeros((len(corpus.kept), WIDTH), dtype=np.float32)}
    run.write(corpus, settings_of(layers=[1]), arrays, None, "no loss")
    assert positions == []  # without a loss the head is not called at all


def test_scaled_logits_are_in_the_loss(tiny_models: dict[str, TinyModel]) -> None:
    from transformers import GraniteConfig, GraniteForCausalLM

    corpus = tokenised(tiny_models["llama"], settings_of())
    shape = {"hidden_size": WIDTH, "num_hidden_layers": 3, "intermediate_size": 64}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = GraniteConfig(vocab_size=1000, logits_scaling=0.05, **shape, **heads)
    torch.manual_seed(0)
    model = GraniteForCausalLM(config).eval()
    _, losses = computed(tiny_models["llama"], settings_of(layers=[1]), corpus, model)
    with torch.inference_mode():
        for number, ids in enumerate(corpus.sequences):
            tokens = torch.tensor([ids])
            expected = float(model(tokens, labels=tokens).loss)
            np.testing.assert_allclose(np.nanmean(losses[corpus.rows[number]]), expected, rtol=1e-5)


def test_the_soft_cap_of_gemma_is_in_the_loss(tiny_models: dict[str, TinyModel]) -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    tiny = tiny_models["llama"]
    corpus = tokenised(tiny, settings_of())
    shape = {"hidden_size": WIDTH, "num_hidden_layers": 3, "intermediate_size": 64, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "query_pre_attn_scalar": 8}
    config = Gemma2Config(vocab_size=1000, final_logit_softcapping=0.05, **shape, **heads)
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(config).eval()
    _, losses = computed(tiny, settings_of(layers=[1]), corpus, model)
    with torch.inference_mode():
        for number, ids in enumerate(corpus.sequences):
            tokens = torch.tensor([ids])
            expected = float(model(tokens, labels=tokens).loss)
            own = losses[corpus.rows[number]]
            np.testing.assert_allclose(np.nanmean(own), expected, rtol=1e-5)


def test_a_batch_that_runs_out_of_memory_is_halved(
    tiny_models: dict[str, TinyModel],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny = tiny_models["gpt2"]
    corpus = tokenised(tiny, settings_of())
    settings = settings_of(batch_tokens=100_000)
    expected, expected_losses = computed(tiny, settings, corpus)
    model = load_model(tiny.source)
    forward: Callable[..., Any] = model.base_model.forward

    def small_memory(input_ids: torch.Tensor, **options: Any) -> Any:
        if len(input_ids) > limit:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(input_ids=input_ids, **options)

    monkeypatch.setattr(model.base_model, "forward", small_memory)
    limit = 3
    found, losses = computed(tiny, settings, corpus, model)
    assert_close(found, expected)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    told = capsys.readouterr().out
    assert "out of memory: 8 sequences are halved" in told
    assert told.count("halved") == 3  # 8, and each 4
    limit = 0
    with pytest.raises(torch.cuda.OutOfMemoryError):
        computed(tiny, settings, corpus, model)


def test_the_embed_stage_writes_every_cell(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    tiny = tiny_models["llama"]
    prepare_corpora({"open": TEXTS, "secret": TEXTS[:3]})
    embedding_run.embed(tiny.source, settings_of(layers=[0, -1]), seed=0)
    embedded = read_embedded()
    assert (embedded.checkpoints, embedded.layers) == (["base"], [0, 3])
    assert [split.corpus for split in embedded.splits] == ["open", "secret"]
    for split, texts in zip(embedded.splits, (TEXTS, TEXTS[:3]), strict=True):
        corpus = tokenised(tiny, settings_of(), texts)
        every = bare(tiny, corpus.sequences)
        for layer in (0, 3):
            assert_close(read_states("base", split, layer), every[layer])
        assert read_tokens(split)["position"].tolist() == corpus.kept["position"].tolist()
        losses = read_losses("base", split.corpus, split.split)
        assert np.isnan(losses).sum() == len(texts)
    meta = read_meta(paths.HIDDEN_STATES / "base" / "open-test")
    assert meta["last_layer_after_final_norm"] is True
    assert meta["arithmetic"] == "float32"
    assert not unpublished(project / ".scratch" / "embed")
    open_split, secret_split = embedded.splits
    assert secret_split.folder() == project / "private" / secret_split.private
    assert {"token", "token_id"} <= set(read_tokens(open_split))
    assert not {"token", "token_id"} & set(read_tokens(secret_split))


def test_an_encoder_has_no_next_token_loss(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    prepare_corpora({"open": TEXTS})
    embedding_run.embed(tiny_models["bert"].source, settings_of(layers=[1]), seed=0)
    assert np.isnan(read_losses("base", "open", "test")).all()


def test_an_interrupted_embed_goes_on_from_finished_cells(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["llama"].source
    settings = settings_of(layers=[1, 3], keep_tokens=30)
    prepare_corpora({"one": TEXTS, "two": TEXTS[::-1]})
    written: list[str] = []
    write = HiddenStates.write

    def recorded(self: HiddenStates, *arguments: Any) -> None:
        written.append(arguments[-1])
        if len(written) == 2:
            raise KeyboardInterrupt
        write(self, *arguments)

    monkeypatch.setattr(HiddenStates, "write", recorded)
    with pytest.raises(KeyboardInterrupt):
        embedding_run.embed(source, settings, seed=0)
    assert not (paths.HIDDEN_STATES / "index.json").exists()
    embedding_run.embed(source, settings, seed=0)
    assert written == ["base one-test", "base two-test", "base two-test"]
    resumed = {f.relative_to(project): f.read_bytes() for f in stored_files(project)}
    for file in stored_files(project):
        file.unlink()
    embedding_run.embed(source, settings, seed=0)
    assert {f.relative_to(project): f.read_bytes() for f in stored_files(project)} == resumed


def test_finished_cells_of_another_seed_are_not_taken(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["gpt2"].source
    settings = settings_of(layers=[1], keep_tokens=20)
    prepare_corpora({"one": TEXTS})
    with monkeypatch.context() as patched:
        patched.setattr(embedding, "write_table", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            embedding_run.embed(source, settings, seed=0)
    embedding_run.embed(source, settings, seed=1)
    split = CorpusSplit("one", "test")
    found = read_states("base", split, 1)
    table = read_tokens(split)
    every = bare(tiny_models["gpt2"], tokenised(tiny_models["gpt2"], settings_of()).sequences)
    starts = np.cumsum([0, *map(len, tokenised(tiny_models["gpt2"], settings_of()).sequences)])
    rows = starts[table["sequence"]] + table["position"].to_numpy()
    assert_close(found, every[1][rows])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
