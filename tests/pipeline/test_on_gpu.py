"""The same on a CUDA device as on the CPU; left out where there is none."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lm_geometry import gride, local_dimension, neighbourhood_overlap
from lm_geometry.embed import run as embedding_run
from lm_geometry.embed.placement import load_placed, places
from lm_geometry.embed.prompts import layer_geometry
from lm_geometry.embed.prompts.centring import Precision
from lm_geometry.finetune.arithmetic import loop
from lm_geometry.models.arithmetic.saved_model import load_model as load_arithmetic
from lm_geometry.models.load import load_model
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.outs.embed.hidden_states import read_embedded, read_losses, read_states
from lm_geometry.workspace import machine
from tests.conftest import TEXTS, TinyModel
from tests.embed.prompts import test_reduce as prompt
from tests.exact_neighbours import brute_force, check_exact, cloud
from tests.finetune import test_run as training
from tests.finetune.arithmetic import test_run as arithmetic
from tests.structure import ROOT
from tests.tokenised_texts import prepare_corpora, settings_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """This machine's settings name the CUDA device, and a scratch folder of the test's own."""
    monkeypatch.setenv("LM_GEOMETRY_DEVICE", "cuda")
    monkeypatch.setenv("LM_GEOMETRY_SCRATCH", str(tmp_path / "scratch"))
    machine.machine.cache_clear()
    yield
    machine.machine.cache_clear()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_neighbours_are_those_of_brute_force(dtype: str) -> None:
    check_exact(cloud(n=3000, dtype=dtype), 64, "torch")


def test_massive_coordinates_and_copies_lose_no_neighbour() -> None:
    X = cloud(n=2000)
    X[:, :2] += np.where(np.random.default_rng(1).random((2000, 2)) < 0.5, -3000, 3000)
    check_exact(X, 128, "torch")
    X[1000:1100] = X[:100]
    graph = neighbour_graph(X, 128, "torch")
    np.testing.assert_allclose(graph.distances, brute_force(X, 128)[1], rtol=1e-12, atol=1e-300)


def test_more_tokens_than_one_block_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_geometry.neighbours import with_torch

    monkeypatch.setitem(with_torch.BLOCK_BYTES, "cuda", 2**20)
    check_exact(cloud(n=2500), 50, "torch")


def test_estimates_of_a_tensor_are_those_of_the_array() -> None:
    X, Y = cloud(n=1500), cloud(n=1500, seed=3)
    on_device, other = torch.from_numpy(X).cuda(), torch.from_numpy(Y).cuda()
    np.testing.assert_allclose(local_dimension(on_device, 128), local_dimension(X, 128), rtol=1e-9)
    ours, theirs = gride(on_device), gride(X)
    np.testing.assert_allclose(ours.dimension, theirs.dimension, rtol=1e-9)
    shared = neighbourhood_overlap(on_device, other)
    np.testing.assert_array_equal(shared, neighbourhood_overlap(X, Y))


@pytest.mark.parametrize("mode", ["regular", "masked_token"])
def test_states_and_losses_are_those_of_the_cpu(
    project: Path, tiny_models: dict[str, TinyModel], on_cuda: None, mode: str
) -> None:
    tiny = tiny_models["bert"]
    prepare_corpora({"open": TEXTS})
    found = {}
    for device in ("cpu", "cuda"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LM_GEOMETRY_DEVICE", device)
            machine.machine.cache_clear()
            embedding_run.embed(tiny.source, settings_of(layers=[0, 1, 2], mode=mode), seed=0)
        split = read_embedded().splits[0]
        states = np.stack([read_states("base", split, layer) for layer in (0, 1, 2)])
        found[device] = states, read_losses("base", split.corpus, split.split)
    (states, losses), (expected, expected_losses) = found["cuda"], found["cpu"]
    error = np.linalg.norm(states - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert 0 < error.max() <= 1e-5  # another order of sums, and no TF32
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4, atol=1e-5)


def test_a_batch_too_large_for_the_card_is_halved(
    project: Path,
    tiny_models: dict[str, TinyModel],
    on_cuda: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny = tiny_models["gpt2"]
    texts = [" ".join(TEXTS)] * 4096
    prepare_corpora({"open": texts})
    settings = settings_of(layers=[2], max_length=200)
    embedding_run.embed(tiny.source, settings, seed=0)
    split = read_embedded().splits[0]
    expected = np.array(read_states("base", split, 2))
    assert "halved" not in capsys.readouterr().out
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(300 * 2**20 / total)
    try:
        large = settings_of(layers=[2], max_length=200, batch_tokens=1_000_000)
        embedding_run.embed(tiny.source, large, seed=0)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "halved" in capsys.readouterr().out
    np.testing.assert_allclose(read_states("base", split, 2), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_fine_tuning_is_that_of_the_cpu_and_goes_on_after_a_kill(
    tiny_models: dict[str, TinyModel], tmp_path: Path, on_cuda: None, precision: str
) -> None:
    source = tiny_models["llama"].source
    settings = training.settings_of(precision=precision)
    here = training.curve_of(training.run(source, settings, tmp_path / "whole"), "validation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LM_GEOMETRY_DEVICE", "cpu")
        machine.machine.cache_clear()
        exact = training.settings_of(precision="float32")
        cpu = training.curve_of(training.run(source, exact, tmp_path / "cpu"), "validation")
    machine.machine.cache_clear()
    assert list(here) == list(cpu)
    close = 1e-3 if precision == "float32" else 0.1
    np.testing.assert_allclose(list(here.values()), list(cpu.values()), rtol=close)
    given = {"source": source.record(), "settings": settings.model_dump(), "step": 5}
    given |= {"columns": training.COLUMNS, "work": str(tmp_path / "killed")}
    command = [sys.executable, "-c", training.KILLED, str(ROOT / "src"), json.dumps(given)]
    done = subprocess.run(command, check=False)
    assert done.returncode == -signal.SIGKILL
    resumed = training.curve_of(training.run(source, settings, tmp_path / "killed"), "validation")
    np.testing.assert_allclose(list(resumed.values()), list(here.values()), rtol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_equations_are_learned_and_the_dropout_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    long = arithmetic.recipe_of(
        steps=300, checkpoints=[100, 300], evaluate_every=100, precision=precision
    )
    curve = loop.train(long, arithmetic.EQUATIONS, tmp_path / "long", "cuda")
    by = {(row["step"], row["split"]): row for row in curve}
    assert by[300, "train"]["accuracy"] == 1.0
    assert by[300, "validation"]["accuracy"] > 0.3
    model = load_arithmetic(tmp_path / "long" / "checkpoints" / "300")
    logits = model(torch.from_numpy(arithmetic.EQUATIONS.validation.ids)).detach()
    results = torch.from_numpy(arithmetic.EQUATIONS.validation.results)
    loss = torch.nn.functional.cross_entropy(logits, results).item()
    assert by[300, "validation"]["loss"] == pytest.approx(
        loss, rel=1e-3 if precision == "float32" else 0.03
    )

    short = arithmetic.recipe_of(dropout=0.1, precision=precision)
    whole = loop.train(short, arithmetic.EQUATIONS, tmp_path / "whole", "cuda")
    advance = loop.advance

    def interrupted(run, count: int) -> None:
        if run.step == 40:
            raise KeyboardInterrupt
        advance(run, count)

    monkeypatch.setattr(loop, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.train(short, arithmetic.EQUATIONS, tmp_path / "part", "cuda", save_seconds=0)
    monkeypatch.setattr(loop, "advance", advance)
    torch.manual_seed(99)
    resumed = loop.train(short, arithmetic.EQUATIONS, tmp_path / "part", "cuda", save_seconds=0)
    for one, other in zip(resumed, whole, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_a_model_over_the_gpu_and_memory_gives_the_same_states(
    tiny_models: dict[str, TinyModel], on_cuda: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["llama"].source
    monkeypatch.setenv("LM_GEOMETRY_SPREAD", "always")
    monkeypatch.setenv("LM_GEOMETRY_MEMORY", "0=130KB,cpu=1GB")
    machine.machine.cache_clear()
    spread, whole = load_placed(source, None, "cuda", torch.float32), load_model(source)
    assert {str(place) for place in places(spread).values()} == {"0", "cpu"}
    ids = torch.arange(40)[None] % 50
    with torch.inference_mode():
        ours = spread(ids.cuda(), output_hidden_states=True).hidden_states
        theirs = whole(ids, output_hidden_states=True).hidden_states
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("massive", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_prompt_is_reduced_on_the_device_to_what_brute_force_finds(
    precision: Precision, massive: bool
) -> None:
    X = prompt.tokens(n=1000, width=256, massive=massive)
    layer = layer_geometry(torch.from_numpy(X).cuda(), precision=precision)
    distances, order = prompt.by_brute_force(X)
    np.testing.assert_allclose(layer.radii, distances[:, prompt.RANKS - 1], rtol=1e-9)
    np.testing.assert_array_equal(layer.neighbours, order[:, :31])
    mean = float(prompt.all_cosines(X).mean())
    near = {"rel": 1e-9, "abs": 1e-13} if precision == "float64" else {"rel": 1e-4, "abs": 1e-8}
    assert layer.mean_cosine == pytest.approx(mean, **near)
