"""Small models of an architecture: as deep as they are asked for, with what its numbers ask."""

import pytest
import torch
from transformers import DeepseekV2Config, PreTrainedConfig, Qwen2_5_VLConfig, ReformerConfig

from lm_geometry.models.small import small_config, small_model

SECTIONS = [16, 24, 24]  # halves of a head of 128, by the three axes of rotary positions
VISION = {
    "hidden_size": 2048, "num_attention_heads": 16, "num_key_value_heads": 2,
    "num_hidden_layers": 7, "intermediate_size": 11008, "vocab_size": 151936,
    "rope_parameters": {"rope_type": "default", "mrope_section": SECTIONS, "rope_theta": 1e6},
}  # fmt: skip
LATENT = DeepseekV2Config(num_hidden_layers=5, num_experts_per_tok=2, first_k_dense_replace=1)


@pytest.mark.parametrize(
    ("config", "model_class", "depth"),
    [
        (Qwen2_5_VLConfig(text_config=VISION), "AutoModelForImageTextToText", 7),
        (LATENT, "AutoModelForCausalLM", 5),
        (ReformerConfig(is_decoder=False), "AutoModelForMaskedLM", 6),
    ],
    ids=["sections of heads", "ranks", "parts of a width"],
)
def test_numbers_that_belong_together_stay_so(
    config: PreTrainedConfig, model_class: str, depth: int
) -> None:
    torch.manual_seed(0)
    model = small_model(config, model_class)
    text = model.config.get_text_config()
    assert text.num_hidden_layers == depth  # what data-prep tells of a model is of its own depth
    assert sum(weight.numel() for weight in model.parameters()) < 20_000_000
    if model_class == "AutoModelForImageTextToText":
        assert text.rope_parameters["mrope_section"] == SECTIONS
        assert text.hidden_size // text.num_attention_heads == 2 * sum(SECTIONS)
    if isinstance(config, ReformerConfig):
        assert sum(text.axial_pos_embds_dim) == text.hidden_size < config.hidden_size


def test_a_config_is_not_changed() -> None:
    before = LATENT.to_dict()
    small_config(LATENT)
    assert LATENT.to_dict() == before
