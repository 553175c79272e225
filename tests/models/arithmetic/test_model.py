"""The published transformer against torch's own, and the shared path against the plain one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from lm_geometry.models.arithmetic import fast_path
from lm_geometry.models.arithmetic.equations import make_equations
from lm_geometry.models.arithmetic.model import ArithmeticTransformer, Block, make_model
from lm_geometry.models.arithmetic.params import Arithmetic
from lm_geometry.models.arithmetic.saved_model import is_arithmetic, load_model, save_model
from lm_geometry.outs.data_prep.equations import Equations

PUBLISHED = {"embedding_deviation": 1.0, "scale_embeddings": True, "dropout": 0.1}
SMALL = {"width": 24, "heads": 3, "head_width": 8, "feed_forward": 40}


def model_of(elements: int = 11, seed: int = 0, **changes: Any) -> ArithmeticTransformer:
    return make_model(Arithmetic.model_validate(changes), elements, seed)


def ids_of(modulus: int = 11, count: int | None = None) -> torch.Tensor:
    made = make_equations(Equations.model_validate({"modulus": modulus}))
    return torch.from_numpy(made.train.ids[:count])


def size_of(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(
    ("elements", "norm", "expected"),
    [(197, "pre", 448_325), (97, "pre", 422_625), (197, "post", 448_325 - 256)],
)
def test_the_published_model_has_its_size(elements: int, norm: str, expected: int) -> None:
    assert size_of(model_of(elements, norm=norm, **PUBLISHED)) == expected


def test_a_seed_gives_the_published_initial_weights() -> None:
    model = model_of(197, seed=1234, **PUBLISHED)
    torch.manual_seed(1234)
    for block in model.blocks:
        assert isinstance(block, Block)
        attention = block.attention
        for linear in (attention.key, attention.value, attention.query, attention.output):
            assert torch.equal(linear.weight, nn.Linear(128, 128).weight)
        assert torch.equal(block.expand.weight, nn.Linear(128, 512).weight)
        assert torch.equal(block.contract.bias, nn.Linear(512, 128).bias)
    assert torch.equal(model.embeddings.weight, nn.Embedding(199, 128).weight)
    assert torch.equal(model.positions.weight, nn.Embedding(5, 128).weight)
    assert torch.equal(model.output.weight, nn.Linear(128, 197).weight)


def test_embeddings_have_the_deviation_asked_for_and_the_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    small, large = model_of(97), model_of(97, embedding_deviation=1.0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.allclose(small.embeddings.weight, 0.09 * large.embeddings.weight)
    assert small.positions.weight.std().item() == pytest.approx(0.09, rel=0.1)
    assert torch.equal(small.output.weight, large.output.weight)


def torch_states(model: ArithmeticTransformer, ids: torch.Tensor) -> list[torch.Tensor]:
    """The states that torch's own encoder layers give with the same weights."""
    of = model.architecture
    x = model.embeddings(ids) * (of.width**0.5 if of.scale_embeddings else 1.0)
    states = [x + model.positions.weight[:4]]
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    for block in model.blocks:
        assert isinstance(block, Block)
        layer = nn.TransformerEncoderLayer(
            of.width,
            of.heads,
            of.feed_forward,
            0.0,
            functional.gelu,
            batch_first=True,
            norm_first=of.norm == "pre",
        )
        own = block.attention
        parts = [own.query, own.key, own.value]
        attention = {
            "in_proj_weight": torch.cat([part.weight for part in parts]),
            "in_proj_bias": torch.cat([part.bias for part in parts]),
            "out_proj.weight": own.output.weight,
            "out_proj.bias": own.output.bias,
        }
        layer.self_attn.load_state_dict(attention)
        layer.linear1.load_state_dict(block.expand.state_dict())
        layer.linear2.load_state_dict(block.contract.state_dict())
        layer.norm1.load_state_dict(block.first_norm.state_dict())
        layer.norm2.load_state_dict(block.second_norm.state_dict())
        states.append(layer(states[-1], src_mask=mask))
    return states


def shaken(model: ArithmeticTransformer) -> ArithmeticTransformer:
    """The model with norms and biases that are not what they are initially."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    return model


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("scale", [True, False])
def test_the_model_is_torchs_own_encoder(norm: str, scale: bool) -> None:
    model = shaken(model_of(norm=norm, scale_embeddings=scale, **SMALL))
    ids = ids_of()
    expected = torch_states(model, ids)
    for found, state in zip(model.hidden_states(ids), expected, strict=True):
        torch.testing.assert_close(found, state, atol=1e-5, rtol=1e-5)
    last = expected[-1][:, -1]
    if norm == "pre":
        last = functional.layer_norm(last, [24], model.norm.weight, model.norm.bias)
    logits = functional.linear(last, model.output.weight, model.output.bias)
    torch.testing.assert_close(model(ids), logits, atol=1e-5, rtol=1e-5)


def test_dropout_is_drawn_in_training_only() -> None:
    model, ids = model_of(dropout=0.1, **SMALL), ids_of()
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))
    places = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    assert {place.p for place in places} == {0.1}


def gradients(model: ArithmeticTransformer, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    results = torch.arange(len(logits)) % logits.shape[1]
    model.zero_grad()
    functional.cross_entropy(logits, results).backward()
    return {
        name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None
    }


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("scale", [True, False])
def test_the_shared_path_gives_the_same_logits_and_gradients(
    layers: int, norm: str, scale: bool
) -> None:
    model = shaken(model_of(layers=layers, norm=norm, scale_embeddings=scale, **SMALL))
    ids = ids_of()
    expected, found = model(ids), fast_path.logits(model, ids)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    wanted, got = gradients(model, expected), gradients(model, found)
    assert wanted.keys() == got.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, atol=1e-5, rtol=0, msg=name)


@pytest.mark.parametrize("count", [1, 2, 512])
def test_the_shared_path_of_the_published_model(count: int) -> None:
    model = model_of(97, **PUBLISHED).eval()
    ids = ids_of(97, count)
    torch.testing.assert_close(fast_path.logits(model, ids), model(ids), atol=1e-5, rtol=0)


def test_bfloat16_is_near_and_its_logits_are_float32() -> None:
    model, ids = model_of(97), ids_of(97, 512)
    found, expected = fast_path.logits(model, ids, "bfloat16"), model(ids)
    assert found.dtype == torch.float32
    difference = (found - expected).abs().max()
    assert 1e-6 < difference < 0.03 * expected.abs().max()


def test_nothing_is_shared_where_dropout_is_drawn() -> None:
    model = model_of(dropout=0.1, **SMALL)
    with pytest.raises(ValueError, match=r"dropout: 0.1 draws anew"):
        fast_path.logits(model, ids_of())


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_shared_states_are_the_same_and_equal_ones_have_the_same_bytes(norm: str) -> None:
    model, ids = shaken(model_of(layers=3, norm=norm, **SMALL)), ids_of()
    with torch.no_grad():
        found, expected = fast_path.hidden_states(model, ids), model.hidden_states(ids)
    assert len(found) == 4
    for layer, (state, plain) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(state, plain, atol=1e-5, rtol=1e-5)
        firsts = {tuple(vector) for vector in state[:, 0].tolist()}
        assert len(firsts) == len(set(ids[:, 0].tolist()))
        seconds = {tuple(vector) for vector in state[:, 1].tolist()}
        assert len(seconds) == (1 if layer == 0 else len(firsts))


def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path) -> None:
    model = shaken(model_of(norm="post", dropout=0.1, scale_embeddings=True, **SMALL))
    save_model(model, tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    assert loaded.architecture == model.architecture
    assert not loaded.training
    assert torch.equal(loaded(ids_of()), model.eval()(ids_of()))
    save_model(loaded, tmp_path / "b")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert is_arithmetic(tmp_path / "a")
    assert not is_arithmetic(tmp_path)
    (tmp_path / "a" / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="holds no model of task modular_arithmetic"):
        load_model(tmp_path / "a")
