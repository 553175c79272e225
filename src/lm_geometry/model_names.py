"""From a model's name in params.yaml to its source."""

from typing import Any

from lm_geometry.model_source import ModelSource
from lm_geometry.models import hub_errors, local_location
from lm_geometry.params.model import Model
from lm_geometry.params.models import read_models
from lm_geometry.paths import name_of


def resolve(model: Model, seed: int) -> ModelSource:
    """The model of params.yaml with its catalogue entry, or with facts read from its own config."""
    entry = read_models().get(model.name)
    if entry is not None:
        facts = entry.model_dump(include={"label", "source", "kind", "layers", "width"})
    else:
        facts = {"label": name_of(model.name), "source": model.name, **_facts(model.name)}
    seed = seed if model.weights == "random" else 0
    return ModelSource(name=name_of(model.name), weights=model.weights, seed=seed, **facts)


def _facts(source: str) -> dict[str, Any]:
    from transformers import AutoConfig

    location = local_location(source)
    with hub_errors(source):
        config = AutoConfig.from_pretrained(**location)
    names = " ".join(config.architectures or [])
    text = config.get_text_config()
    return {
        "kind": "encoder" if "MaskedLM" in names else "decoder",
        "layers": text.num_hidden_layers,
        "width": text.hidden_size,
    }
