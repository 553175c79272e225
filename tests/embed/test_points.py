"""States of places inside the blocks, against hooks of one's own in the very same passes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lm_geometry.embed import run as embedding_run
from lm_geometry.embed.forward_pass import batches
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.modes import check_mode
from lm_geometry.embed.placement import load_placed
from lm_geometry.embed.prompts.run import embed_prompts
from lm_geometry.models.load import load_model
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import read_embedded, read_losses, read_states
from lm_geometry.outs.embed.prompts import read_index, read_record
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.arrays import read_meta
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.points import NamedModule
from tests.conftest import TEXTS, WIDTH, TinyModel
from tests.prepared_prompts import write_prompts
from tests.tokenised_texts import prepare_corpora, settings_of, tokenised

MODULES = {
    ("llama", "attention"): "model.layers.{}.self_attn",
    ("gpt2", "mlp"): "transformer.h.{}.mlp",
    ("bert", "attention"): "bert.encoder.layer.{}.attention.output.dense",
    ("bert", "module"): "bert.encoder.layer.{}.attention",  # the stream after its norm
}
FLOAT = (torch.float32, 0)


def given(points: str, pattern: str) -> Any:
    return {"module": pattern.format("*")} if points == "module" else points


def place(points: Any) -> Any:
    return NamedModule(**points) if isinstance(points, dict) else points


@pytest.mark.parametrize(("name", "points"), MODULES)
@pytest.mark.parametrize("batch_tokens", [1, 1500])
def test_stored_is_what_the_modules_returned_in_the_same_passes(
    tiny_models: dict[str, TinyModel], name: str, points: str, batch_tokens: int
) -> None:
    tiny, pattern = tiny_models[name], MODULES[name, points]
    settings = settings_of(batch_tokens=batch_tokens)
    corpus = tokenised(tiny, settings)
    model: Any = load_model(tiny.source)
    layers = list(range(1, tiny.source.layers + 1))
    run = HiddenStates(model, "cpu", *FLOAT, layers, points=place(given(points, pattern)))
    kept: dict[int, list[torch.Tensor]] = {layer: [] for layer in layers}
    for layer in layers:
        model.get_submodule(pattern.format(layer - 1)).register_forward_hook(
            lambda _m, _i, output, layer=layer: kept[layer].append(
                (output[0] if isinstance(output, tuple) else output).clone()
            )
        )
    stored = {str(n): np.empty((len(corpus.kept), WIDTH), dtype=np.float32) for n in layers}
    losses = np.empty(len(corpus.kept), dtype=np.float32)
    run.write(corpus, settings, stored, losses, "test")
    numbers = list(corpus.rows)
    lengths = np.array([len(corpus.sequences[number]) for number in numbers])
    todo = list(batches(lengths, batch_tokens))
    assert (max(map(len, todo)) > 1) == (batch_tokens > 1)
    for layer in layers:
        found = iter(kept[layer])
        for batch in todo:
            shape = (len(batch), int(lengths[batch].max()), WIDTH)
            own = next(one for one in found if tuple(one.shape) == shape)
            for row, number in enumerate(numbers[i] for i in batch):
                expected = own[row, : len(corpus.sequences[number])].numpy()
                np.testing.assert_array_equal(stored[str(layer)][corpus.rows[number]], expected)


def test_the_stage_says_where_states_were_read_and_reads_the_same_losses(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    tiny = tiny_models["llama"]
    prepare_corpora({"open": TEXTS})
    embedding_run.embed(tiny.source, settings_of(), seed=0)
    stream = read_losses("base", "open", "test")
    last = read_states("base", read_embedded().splits[0], 3).copy()
    assert read_embedded().points == "residual"
    assert read_meta(paths.HIDDEN_STATES / "base" / "open-test")["points"] == "residual"
    embedding_run.embed(tiny.source, settings_of(points="mlp", layers=["0%-50%", -1]), seed=0)
    embedded = read_embedded()
    assert (embedded.layers, embedded.depth, embedded.points) == ([1, 2, 3], 3, "mlp")
    meta = read_meta(paths.HIDDEN_STATES / "base" / "open-test")
    assert (meta["points"], meta["modules"]) == ("mlp", ["model.layers.*.mlp"])
    assert not meta["last_layer_after_final_norm"]  # which is of the stream
    np.testing.assert_array_equal(read_losses("base", "open", "test"), stream)
    named = settings_of(points={"module": "model.norm"}, layers=["50%", "last"])
    embedding_run.embed(tiny.source, named, seed=0)
    embedded = read_embedded()
    assert (embedded.layers, embedded.depth, embedded.points) == ([0], 0, "model.norm")
    np.testing.assert_array_equal(read_states("base", embedded.splits[0], 0), last)


def test_layers_are_combined_and_tokens_masked_there_too(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    tiny = tiny_models["bert"]
    prepare_corpora({"open": TEXTS[:3]})
    asked = {"mode": "masked_token", "points": "mlp"}
    embedding_run.embed(tiny.source, settings_of(**asked), seed=0)
    split = read_embedded().splits[0]
    one, two = (read_states("base", split, layer).copy() for layer in (1, 2))
    embedding_run.embed(tiny.source, settings_of(combine_layers="mean", **asked), seed=0)
    np.testing.assert_array_equal(read_states("base", split, -1), (one + two) / 2)
    assert np.isfinite(read_losses("base", "open", "test")).any()
    model: Any = load_model(tiny.source)
    corpus = tokenised(tiny, settings_of(), TEXTS[:3])
    ids = torch.tensor([corpus.sequences[0]])
    ids[0, 2] = 4  # [MASK]
    heard: list[torch.Tensor] = []
    dense = model.bert.encoder.layer[1].output.dense
    dense.register_forward_hook(lambda _m, _i, output: heard.append(output))
    with torch.no_grad():
        model(ids)
    np.testing.assert_allclose(two[corpus.rows[0][2]], heard[0][0, 2], rtol=1e-4, atol=1e-6)


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    facts = {"scratch": str(tmp_path / "scratch"), "spread": "always", "memory": "cpu=100KB"}
    for name, value in facts.items():
        monkeypatch.setenv(f"LM_GEOMETRY_{name.upper()}", value)
    machine.machine.cache_clear()
    yield
    machine.machine.cache_clear()


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
@pytest.mark.usefixtures("spread")
def test_a_spread_model_has_the_same(tiny_models: dict[str, TinyModel], name: str) -> None:
    source = tiny_models[name].source
    model = load_placed(source, None, "cpu", torch.float32)
    assert any(weight.is_meta for weight in model.parameters())
    found = []
    for one in (model, load_model(source)):
        run = HiddenStates(one, "cpu", *FLOAT, [1, 2], points="attention")
        (passed,) = run.run([[5, 9, 3, 17]])
        found.append((run.place.modules, torch.stack(passed.layers)))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])


def test_prompts_are_read_at_the_place(project: Path, tiny_models: dict[str, TinyModel]) -> None:
    write_json(paths.CHECKPOINTS / "index.json", {"steps": [], "task": "none"})
    write_prompts(numbers=[3], shuffles=[0])
    own = {"prompts": {"gride_range": 16, "overlap_k": 5}}
    radii = {}
    for points in ("residual", "attention", {"module": "model.norm"}):
        embed_prompts(tiny_models["llama"].source, settings_of(points=points, **own))
        (cloud,) = read_index().clouds()
        radii[str(points)] = read_index().layers, read_record(cloud).geometry.radii
    stream, attention, norm = radii.values()
    assert (stream[0], attention[0], norm[0]) == ([0, 1, 2, 3], [1, 2, 3], [0])
    np.testing.assert_array_equal(norm[1][0], stream[1][3])
    assert not np.allclose(attention[1], stream[1][1:])


def test_what_cannot_be_read_is_refused(tiny_models: dict[str, TinyModel]) -> None:
    source = tiny_models["llama"].source
    with pytest.raises(ValueError, match="of llama there is no layer 0 in the outputs of att"):
        source.resolved_layers([0], settings_of(points="attention").points)
    with pytest.raises(ValueError, match="there is no layer 2"):
        source.resolved_layers([2], settings_of(points={"module": "model.norm"}).points)
    equations = ModelSource("sums", "sums", "", "arithmetic", 2, 8, "random", 0)
    with pytest.raises(ValueError, match=r"embed\.points: mlp is not read of sums"):
        check_mode(equations, settings_of(points="mlp"), None)
