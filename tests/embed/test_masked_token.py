"""Masked-token states and losses, against a plain loop over one masked copy at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import PreTrainedModel

from lm_geometry.embed import forward_pass
from lm_geometry.embed import run as embedding_run
from lm_geometry.embed.masked_token import MaskedTokenStates, masked_copies
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.probe import probe
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

LAYERS = [0, 1, 2]
MASK = 4  # [MASK] of the tiny encoder's tokenizer
SHAPE = {
    "vocab_size": 160,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 260,
}


def _mpnet() -> Any:
    from transformers import MPNetConfig, MPNetForMaskedLM

    return MPNetForMaskedLM(MPNetConfig(initializer_range=0.3, **SHAPE))


def _roberta() -> Any:
    from transformers import RobertaConfig, RobertaForMaskedLM

    return RobertaForMaskedLM(RobertaConfig(initializer_range=0.3, pad_token_id=0, **SHAPE))


def _modernbert() -> Any:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    special = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3}
    return ModernBertForMaskedLM(ModernBertConfig(initializer_range=0.3, **SHAPE, **special))


MAKERS: dict[str, Callable[[], Any]] = {
    "roberta": _roberta,
    "mpnet": _mpnet,
    "modernbert": _modernbert,
}


def model_of(tiny_models: dict[str, TinyModel], name: str) -> Any:
    if name == "bert":
        return load_model(tiny_models["bert"].source)
    torch.manual_seed(0)
    return MAKERS[name]().eval()


def computed(
    model: Any, corpus: TokenisedCorpus, losses: bool = True, **changes: Any
) -> tuple[np.ndarray, np.ndarray]:
    """States `[arrays, tokens, width]` and losses `[tokens]` as the pipeline computes them."""
    settings = settings_of(layers=LAYERS, mode="masked_token", **changes)
    run = MaskedTokenStates(model, "cpu", torch.float32, 0, LAYERS, mask_id=MASK)
    count = len(LAYERS) if settings.combine_layers == "none" else 1
    width = WIDTH * (len(LAYERS) if settings.combine_layers == "concatenate" else 1)
    arrays = np.full((count, len(corpus.kept), width), np.inf, dtype=np.float32)
    by_name: Any = {str(i): array for i, array in enumerate(arrays)}
    found = np.full(len(corpus.kept), np.inf, dtype=np.float32)
    run.write(corpus, settings, by_name, found if losses else None, "test")
    return arrays, found


@torch.no_grad()
def plain(model: Any, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """States `[layers, tokens, width]` and losses `[tokens]` of one sequence, copy by copy."""
    copies, losses = [], np.full(len(ids), np.nan)
    for masked in range(1, len(ids) - 1):
        copy = torch.tensor([[MASK if i == masked else token for i, token in enumerate(ids)]])
        output = model(copy, output_hidden_states=True)
        copies.append(torch.stack(output.hidden_states)[:, 0].double().numpy())
        losses[masked] = -torch.log_softmax(output.logits[0, masked].double(), -1)[ids[masked]]
    every = np.stack(copies)  # [copies, layers, tokens, width]
    states = every.mean(axis=0)
    for copy, masked in enumerate(range(1, len(ids) - 1)):
        states[:, masked] = every[copy, :, masked]
    return states, losses


def plain_corpus(model: Any, corpus: TokenisedCorpus) -> tuple[np.ndarray, np.ndarray]:
    found = [plain(model, ids) for ids in corpus.sequences]
    states, losses = zip(*found, strict=True)
    return np.concatenate(states, axis=1), np.concatenate(losses)


def assert_close(ours: np.ndarray, reference: np.ndarray) -> None:
    assert ours.shape == reference.shape
    error = np.linalg.norm(ours - reference, axis=-1) / np.linalg.norm(reference, axis=-1)
    assert error.max() <= 1e-5


@pytest.mark.parametrize("name", ["bert", *MAKERS])
def test_states_and_losses_are_those_of_one_copy_at_a_time(
    tiny_models: dict[str, TinyModel], name: str
) -> None:
    model = model_of(tiny_models, name)
    corpus = tokenised(tiny_models["bert"], settings_of())
    states, losses = plain_corpus(model, corpus)
    assert np.isnan(losses).sum() == 2 * len(TEXTS)
    for batch_tokens in (1, 150, 100_000):
        found, own = computed(model, corpus, batch_tokens=batch_tokens)
        assert_close(found, states)
        np.testing.assert_allclose(own, losses, rtol=2e-5)  # NaN where NaN


def without_probe(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes through the model from now on is the corpus once; all comparisons are done."""
    findings = probe(model)
    monkeypatch.setattr(forward_pass, "probe", lambda *_: findings)
    monkeypatch.setattr(forward_pass.ForwardPass, "_as_alone", lambda *_: True)


def test_only_the_copies_of_kept_tokens_are_passed(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_models["bert"].source)
    whole = tokenised(tiny_models["bert"], settings_of())
    every, losses = computed(model, whole)
    some = tokenised(tiny_models["bert"], settings_of(keep_tokens=14), seed=1)
    keys = ["sequence", "position"]
    numbers = whole.kept.reset_index().set_index(keys)["index"]
    rows = numbers.loc[list(some.kept[keys].itertuples(index=False, name=None))].to_numpy()
    without_probe(model, monkeypatch)
    passed: list[int] = []
    model.base_model.embeddings.register_forward_pre_hook(
        lambda _m, _a, given: passed.append(len(given["input_ids"])), with_kwargs=True
    )
    found, own = computed(model, some)
    assert_close(found, every[:, rows])
    np.testing.assert_allclose(own, losses[rows], rtol=2e-5)
    expected = 0
    for number, table in some.kept.groupby("sequence"):
        length = len(whole.sequences[int(str(number))])
        at_ends = table["position"].isin([0, length - 1]).any()
        expected += length - 2 if at_ends else len(table)
    assert sum(passed) == expected < sum(len(ids) - 2 for ids in whole.sequences)


def test_a_batch_is_never_larger_than_its_tokens(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_models["bert"].source)
    without_probe(model, monkeypatch)
    corpus = tokenised(tiny_models["bert"], settings_of())
    sizes: list[int] = []
    logits: list[int] = []
    model.base_model.embeddings.register_forward_pre_hook(
        lambda _m, _a, given: sizes.append(given["input_ids"].numel()), with_kwargs=True
    )
    head = model.get_output_embeddings()
    assert head is not None
    head.register_forward_hook(lambda _m, _i, output: logits.append(output[..., 0].numel()))
    longest = max(map(len, corpus.sequences))
    computed(model, corpus, batch_tokens=2 * longest + 1)
    assert 2 * longest <= max(sizes) <= 2 * longest + 1
    assert sum(logits) == sum(len(ids) - 2 for ids in corpus.sequences)
    logits.clear()
    computed(model, corpus, losses=False)
    assert logits == []


def test_sequences_without_a_token_to_mask_are_passed_as_they_are(
    tiny_models: dict[str, TinyModel],
) -> None:
    model = load_model(tiny_models["bert"].source)
    sequences = [[2, 3], [7], [2, 9, 3]]
    kept = pd.DataFrame(
        {
            "sequence": [0, 0, 1, 2, 2, 2],
            "position": [0, 1, 0, 0, 1, 2],
            "token_id": [2, 3, 7, 2, 9, 3],
        }
    )
    found, losses = computed(model, TokenisedCorpus(sequences, kept))
    with torch.no_grad():
        expected = [
            torch.stack(model(torch.tensor([ids]), output_hidden_states=True).hidden_states)[:, 0]
            for ids in ([2, 3], [7], [2, MASK, 3])
        ]
    assert_close(found, torch.cat(expected, dim=1).numpy())
    assert np.isfinite(losses).tolist() == [False] * 4 + [True, False]


def test_combined_layers_are_those_of_the_means_over_copies(
    tiny_models: dict[str, TinyModel],
) -> None:
    model = load_model(tiny_models["bert"].source)
    corpus = tokenised(tiny_models["bert"], settings_of())
    states, _ = plain_corpus(model, corpus)
    mean, _ = computed(model, corpus, combine_layers="mean")
    assert_close(mean[0], states.mean(axis=0))
    unit, _ = computed(model, corpus, combine_layers="concatenate", normalise="l2")
    together = np.concatenate(list(states), axis=-1)
    assert_close(unit[0], together / np.linalg.norm(together, axis=-1, keepdims=True))


def test_copies_of_a_sequence_may_be_halved_for_memory(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_models["bert"].source)
    corpus = tokenised(tiny_models["bert"], settings_of())
    expected, expected_losses = computed(model, corpus)
    forward: Callable[..., Any] = model.base_model.forward

    def small_memory(input_ids: torch.Tensor, **options: Any) -> Any:
        if len(input_ids) > 5:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(input_ids=input_ids, **options)

    monkeypatch.setattr(model.base_model, "forward", small_memory)
    found, losses = computed(model, corpus)
    assert_close(found, expected)
    np.testing.assert_allclose(losses, expected_losses, rtol=2e-5)


def test_ends_are_only_kept_where_they_were_drawn(tiny_models: dict[str, TinyModel]) -> None:
    corpus = tokenised(tiny_models["bert"], settings_of())
    kept = corpus.kept[corpus.kept["position"].isin([0, 2])].reset_index(drop=True)
    copies = masked_copies(TokenisedCorpus(corpus.sequences, kept))
    firsts = np.flatnonzero(kept["position"] == 0)
    assert copies.ends == {number: (row, -1) for number, row in enumerate(firsts.tolist())}
    inner = np.flatnonzero(kept["position"] == 2).tolist()
    assert sorted(copies.row[copies.row >= 0].tolist()) == inner


def test_the_embed_stage_has_both_modes(project: Path, tiny_models: dict[str, TinyModel]) -> None:
    tiny = tiny_models["bert"]
    prepare_corpora({"open": TEXTS[:4]})
    embedding_run.embed(tiny.source, settings_of(layers=[0, -1], mode="masked_token"), seed=0)
    corpus = tokenised(tiny, settings_of(), TEXTS[:4])
    states, losses = plain_corpus(load_model(tiny.source), corpus)
    split = read_embedded().splits[0]
    for layer in (0, 2):
        assert_close(read_states("base", split, layer), states[layer])
    np.testing.assert_allclose(read_losses("base", "open", "test"), losses, rtol=2e-5)
    assert len(read_tokens(split)) == len(losses)
    assert read_meta(paths.HIDDEN_STATES / "base" / "open-test")["mode"] == "masked_token"
    quiet = settings_of(layers=[1], mode="masked_token", loss=False)
    embedding_run.embed(tiny.source, quiet, seed=0)
    assert np.isnan(read_losses("base", "open", "test")).all()


def test_an_interrupted_masked_pass_goes_on_from_finished_cells(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["bert"].source
    settings = settings_of(layers=[1], keep_tokens=25, mode="masked_token", batch_tokens=100)
    prepare_corpora({"one": TEXTS[:5], "two": TEXTS[3:]})
    written: list[str] = []
    write = MaskedTokenStates.write

    def recorded(self: MaskedTokenStates, *arguments: Any) -> None:
        written.append(arguments[-1])
        if len(written) == 2:
            raise KeyboardInterrupt
        write(self, *arguments)

    monkeypatch.setattr(MaskedTokenStates, "write", recorded)
    with pytest.raises(KeyboardInterrupt):
        embedding_run.embed(source, settings, seed=0)
    embedding_run.embed(source, settings, seed=0)
    assert written == ["base one-test", "base two-test", "base two-test"]
    resumed = {f.relative_to(project): f.read_bytes() for f in stored_files(project)}
    for file in stored_files(project):
        file.unlink()
    embedding_run.embed(source, settings, seed=0)
    assert {f.relative_to(project): f.read_bytes() for f in stored_files(project)} == resumed


def test_a_decoder_has_no_masked_tokens(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_corpora({"open": TEXTS})
    settings = settings_of(layers=[1], mode="masked_token")
    with pytest.raises(ValueError, match=r"embed\.mode: masked_token needs a masked.*a decoder"):
        embedding_run.embed(tiny_models["gpt2"].source, settings, seed=0)
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    tokenizer.mask_token = None
    monkeypatch.setattr(embedding_run, "load_tokenizer", lambda _: tokenizer)
    with pytest.raises(ValueError, match=r"embed\.mode: the tokenizer of bert has no mask token"):
        embedding_run.embed(tiny_models["bert"].source, settings, seed=0)
