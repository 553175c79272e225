"""Places inside blocks: which module they are, and that exactly its output is read."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from lm_geometry.models.body import body_pass
from lm_geometry.models.load import load_model
from lm_geometry.models.points import Place, place_of, states_at
from lm_geometry.workspace.points import NamedModule, Points
from tests.conftest import TinyModel

IDS = torch.tensor([[5, 9, 3, 17, 8, 11]])
ADDED = {
    ("llama", "attention"): "model.layers.{}.self_attn",
    ("llama", "mlp"): "model.layers.{}.mlp",
    ("gpt2", "attention"): "transformer.h.{}.attn",
    ("gpt2", "mlp"): "transformer.h.{}.mlp",
    # BERT's own `attention` and `output` return the stream itself, after its norm.
    ("bert", "attention"): "bert.encoder.layer.{}.attention.output.dense",
    ("bert", "mlp"): "bert.encoder.layer.{}.output.dense",
}


def module(pattern: str) -> Points:
    return NamedModule(module=pattern)


def heard(model: nn.Module, name: str, ids: torch.Tensor, **given: Any) -> torch.Tensor:
    """What a module returns in the model's own forward pass, by a hook written here."""
    kept: list[torch.Tensor] = []

    def hook(_module: nn.Module, _given: object, output: Any) -> None:
        kept.append((output[0] if isinstance(output, tuple) else output).detach().clone())

    handle = dict(model.named_modules())[name].register_forward_hook(hook)
    with torch.no_grad():
        model(input_ids=ids, **given)
    handle.remove()
    (found,) = kept
    return found


def hooks_of(model: nn.Module) -> list[object]:
    """All hooks; transformers leaves its own on a model whose states were once asked for."""
    own = [(m._forward_hooks, m._forward_pre_hooks) for m in model.modules()]
    return [hook for both in own for hooks in both for hook in hooks.values()]


def asked_for_states(model: Any, half: str = "") -> list[object]:
    """The hooks that are there once the model was asked for its states."""
    with torch.no_grad():
        body_pass(model, IDS, half=half)
    return hooks_of(model)


@pytest.mark.parametrize(("name", "points"), ADDED)
def test_attention_and_mlp_are_what_a_hook_of_ones_own_hears(
    tiny_models: dict[str, TinyModel], name: str, points: Any
) -> None:
    tiny = tiny_models[name]
    model = load_model(tiny.source)
    before = asked_for_states(model)
    place = place_of(model, points)
    expected = {i + 1: ADDED[name, points].format(i) for i in range(tiny.source.layers)}
    assert place.modules == expected
    assert place.patterns() == [ADDED[name, points].format("*")]
    asked = list(reversed(expected))
    mask = torch.ones_like(IDS)
    with torch.inference_mode():
        last, states = states_at(place, asked, model, IDS, mask)
        assert torch.equal(last, model.base_model(input_ids=IDS, attention_mask=mask)[0])
    for layer, state in zip(asked, states, strict=True):
        assert torch.equal(state, heard(model, expected[layer], IDS, attention_mask=mask))
    assert hooks_of(model) == before


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_state_is_the_one_before_with_attention_and_mlp_added(
    tiny_models: dict[str, TinyModel], name: str
) -> None:
    model = load_model(tiny_models[name].source)
    with torch.inference_mode():
        stream = model.base_model(input_ids=IDS, output_hidden_states=True).hidden_states
        attention, mlp = (
            states_at(place_of(model, points), [1], model, IDS)[1][0]
            for points in ("attention", "mlp")
        )
    assert torch.equal(stream[0] + attention + mlp, stream[1])


def test_outputs_are_kept_as_they_were_returned_though_they_are_changed_later(
    tiny_models: dict[str, TinyModel],
) -> None:
    model: Any = load_model(tiny_models["llama"].source)
    expected = heard(model, "model.layers.1.mlp", IDS)

    class Scaled(nn.Module):
        """A module that writes over what another one returned."""

        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return self.inner(states).mul_(3.0)

    model.model.layers[1].mlp = Scaled(model.model.layers[1].mlp)
    place = Place(module("model.layers.*.mlp.inner"), {2: "model.layers.1.mlp.inner"})
    with torch.inference_mode():
        _, (state,) = states_at(place, [2], model, IDS)
    assert torch.equal(state, expected)


def test_attention_beside_the_mlp_is_told_from_it() -> None:
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=32,
        use_parallel_residual=True,
    )
    model = GPTNeoXForCausalLM(config).eval()
    assert place_of(model, "attention").patterns() == ["gpt_neox.layers.*.attention"]
    assert place_of(model, "mlp").patterns() == ["gpt_neox.layers.*.mlp"]


class Misnamed(GPT2Block):
    """A block whose attention has the name of the MLP, and the other way round."""

    def forward(self, hidden_states: Any, *_: Any, **named: Any) -> Any:
        own = {"attention_mask": named.get("attention_mask")}
        hidden_states = hidden_states + self.mlp(self.ln_1(hidden_states), **own)[0]
        return hidden_states + self.attn(self.ln_2(hidden_states))


def test_names_play_no_part(tiny_models: dict[str, TinyModel]) -> None:
    model: Any = load_model(tiny_models["gpt2"].source)
    for block in model.transformer.h:
        block.__class__ = Misnamed
        block.attn, block.mlp = block.mlp, block.attn
    assert place_of(model, "attention").patterns() == ["transformer.h.*.mlp"]
    assert place_of(model, "mlp").patterns() == ["transformer.h.*.attn"]


def test_any_module_of_each_block_and_one_outside_can_be_named(
    tiny_models: dict[str, TinyModel],
) -> None:
    model = load_model(tiny_models["llama"].source)
    inside = place_of(model, module("model.layers.*.self_attn.q_proj"))
    assert list(inside.modules) == [1, 2, 3]
    outside = place_of(model, module("model.norm"))
    assert outside.modules == {0: "model.norm"}
    with torch.inference_mode():
        last, states = states_at(outside, [0], model, IDS)
        _, projected = states_at(inside, [2], model, IDS)
    assert torch.equal(states[0], last)
    assert torch.equal(projected[0], heard(model, "model.layers.1.self_attn.q_proj", IDS))


@pytest.mark.parametrize(
    ("name", "pattern", "told"),
    [
        ("llama", "model.layers.*.mlp.gate_proj", "returns no state .* but \\(1, 7, 48\\)"),
        ("llama", "model.layers.1.mlp", "is in block 2: .*model.layers.\\*.mlp, and choose by"),
        ("llama", "model.layers.*.mlp.*", "matches 4 modules in block 1"),
        ("llama", "model.layers.*.attention", "no module is named .*model.layers.\\*.self_attn"),
        ("llama", "model.*", "matches model.embed_tokens, which is in no block"),
        ("llama", "lm_head", "lm_head is called 0 times"),
        ("bert", "bert.encoder.layer.*.intermediate", "returns no state"),
    ],
)
def test_what_is_no_state_of_each_token_in_each_block_is_refused(
    tiny_models: dict[str, TinyModel], name: str, pattern: str, told: str
) -> None:
    with pytest.raises(ValueError, match=f"embed.points: .*{told}"):
        place_of(load_model(tiny_models[name].source), module(pattern))


def test_a_module_that_returns_one_state_for_all_sequences_is_refused(
    tiny_models: dict[str, TinyModel],
) -> None:
    model = load_model(tiny_models["gpt2"].source)
    place = place_of(model, module("transformer.wpe"))
    before = hooks_of(model)
    told = r"wpe returns \(1, 6, 32\), and a state of each token is \(2, 6, 32\)"
    with torch.inference_mode(), pytest.raises(ValueError, match=told):
        states_at(place, [0], model, IDS.repeat(2, 1))
    assert hooks_of(model) == before


def _t5() -> nn.Module:
    sizes: Any = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    sizes["decoder_start_token_id"] = 0
    return T5ForConditionalGeneration(T5Config(vocab_size=60, **sizes))


def _opt() -> nn.Module:
    return OPTForCausalLM(
        OPTConfig(
            vocab_size=60,
            hidden_size=32,
            word_embed_proj_dim=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            ffn_dim=48,
            max_position_embeddings=32,
        )
    )


def _albert() -> nn.Module:
    return AlbertForMaskedLM(
        AlbertConfig(
            vocab_size=60,
            embedding_size=16,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=48,
        )
    )


@pytest.mark.parametrize(
    ("make", "half", "told"),
    [
        (_t5, "decoder", "EncDecAttention and .*DenseReluDense add"),  # both fit
        (_opt, "", "no module adds .*model.decoder.layers.\\*.self_attn"),  # in one row
        (_albert, "", "no list of 2 modules"),  # one module for all blocks
    ],
)
def test_where_none_or_two_fit_the_paths_are_listed(
    make: Callable[[], Any], half: str, told: str
) -> None:
    torch.manual_seed(0)
    model = make().eval()
    before = asked_for_states(model, half)
    with pytest.raises(ValueError, match=told):
        place_of(model, "mlp", half)
    assert hooks_of(model) == before
    if half:
        named = place_of(model, module("decoder.block.*.layer.2.DenseReluDense"), half)
        assert list(named.modules) == [1, 2]
