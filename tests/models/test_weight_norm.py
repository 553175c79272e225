"""The norm of all weights: of what acts, whether adapters stand beside it or are merged."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification, LlamaConfig, LlamaForCausalLM

from lm_geometry.signals import weight_norm

# PEFT asks transformers by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
SMALL = {"vocab_size": 31, "pad_token_id": 0}


def norm_of(weights: Any) -> float:
    return float(torch.cat([w.detach().double().reshape(-1) for w in weights]).norm())


def adapted(model: Any, **given: Any) -> Any:
    """With adapters that are not zero, as after some steps."""
    torch.manual_seed(0)
    found = get_peft_model(model, LoraConfig(r=3, lora_alpha=5, **given))
    for name, weight in found.named_parameters():
        if "lora_" in name or "modules_to_save" in name:
            nn.init.normal_(weight, std=0.3)
    return found


def llama() -> LlamaForCausalLM:
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    config = LlamaConfig(**SMALL, **sizes, num_attention_heads=2, tie_word_embeddings=True)
    return LlamaForCausalLM(config)


def gpt2() -> GPT2ForSequenceClassification:
    """Its maps are Conv1D, whose weights are transposed; its head is trained whole."""
    torch.manual_seed(2)
    return GPT2ForSequenceClassification(
        GPT2Config(**SMALL, n_embd=16, n_layer=2, n_head=2, n_positions=9)
    )


def test_it_is_that_of_all_parameters_shared_ones_once() -> None:
    model = llama()
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert weight_norm(model) == pytest.approx(norm_of(model.parameters()), rel=1e-12)
    model.lm_head.weight.requires_grad_(False)
    assert weight_norm(model) == pytest.approx(norm_of(model.parameters()), rel=1e-12)
    halves = nn.Linear(3, 2).to(torch.bfloat16)
    assert weight_norm(halves) == pytest.approx(norm_of(halves.parameters()), rel=1e-12)
    nn.init.constant_(halves.weight, 1e30)  # whose squares float32 does not hold
    assert weight_norm(halves) == pytest.approx(6**0.5 * 1e30, rel=1e-2)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (llama, {"target_modules": ["q_proj", "down_proj"]}),
        (llama, {"target_modules": ["v_proj"], "use_rslora": True}),
        (llama, {"target_parameters": ["mlp.up_proj.weight"], "target_modules": []}),
        (
            gpt2,
            {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True}
            | {"modules_to_save": ["score"], "task_type": "SEQ_CLS"},
        ),
    ],
)
def test_adapters_count_as_they_would_when_merged(model: Any, given: dict[str, Any]) -> None:
    before = weight_norm(model())
    beside = adapted(model(), **given)
    found = weight_norm(beside)
    merged = beside.merge_and_unload()
    assert found == pytest.approx(norm_of(merged.parameters()), rel=1e-6)
    assert abs(found - before) > 0.01


def test_fresh_and_disabled_adapters_leave_it_that_of_the_base() -> None:
    base = weight_norm(llama())
    fresh = get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj"]))
    assert weight_norm(fresh) == pytest.approx(base, rel=1e-12)
    beside = adapted(llama(), target_modules=["q_proj"])
    with beside.disable_adapter():
        assert weight_norm(beside) == pytest.approx(base, rel=1e-12)
    beside.merge_adapter()
    merged = weight_norm(beside)
    beside.unmerge_adapter()
    assert weight_norm(beside) == pytest.approx(merged, rel=1e-6) != pytest.approx(base, rel=1e-3)


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="plain LoRA alone"):
        weight_norm(adapted(llama(), target_modules=["q_proj"], use_dora=True))
    with pytest.raises(ValueError, match="no parameters"):
        weight_norm(nn.ReLU())
