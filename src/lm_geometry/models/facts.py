"""What a config says of its model: causal, masked or encoder-decoder, how deep and how wide."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

DEEPEST, WIDEST = 10_000, 1_000_000  # far beyond any model; more would fill the memory
Kind = Literal["encoder", "decoder", "encoder-decoder"]
Half = Literal["encoder", "decoder"]

NO_CODE = {"trust_remote_code": False}  # code that comes with a model is never run
CLASSES = {
    "encoder": "AutoModelForMaskedLM",
    "decoder": "AutoModelForCausalLM",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
}
WITH_IMAGES = "AutoModelForImageTextToText"  # whose text tower is a causal language model


class NotReadError(ValueError):
    """Nothing right can be done with a model; the text is one sentence that says why."""


@dataclass(frozen=True)
class Facts:
    """Kind of a model, and of its hidden states: `layers` blocks of `width` coordinates."""

    kind: Kind
    layers: int
    width: int


def facts_of(config: "PreTrainedConfig", name: str, half: Half | None = None) -> Facts:
    """The facts that a config tells; `half` is which half of an encoder-decoder is read.

    Raises NotReadError for an architecture that is no language model, and where `half` is missing
    or there are no halves.
    """
    kind = kind_of(config, name)
    if kind == "encoder-decoder" and half is None:
        raise NotReadError(
            f"model.half: {name} is an encoder-decoder ({config.model_type}): say which half's "
            "states are read, encoder or decoder"
        )
    if kind != "encoder-decoder" and half is not None:
        raise NotReadError(
            f"model.half: {name} is a {config.model_type}, which has no halves: null, not {half}"
        )
    text = _half_of(config, half) if half else config.get_text_config()
    names = [f"{half}_layers", f"num_{half}_layers"] if half else []
    found = (getattr(text, key, None) for key in [*names, "num_hidden_layers"])
    layers = next((number for number in found if number), None)
    width = getattr(text, "hidden_size", None)
    if not isinstance(layers, int) or not isinstance(width, int):
        raise NotReadError(
            f"model.name: the config of {name} ({config.model_type}) does not tell how deep and "
            "wide the model is"
        )
    if not (0 < layers <= DEEPEST and 0 < width <= WIDEST):
        raise NotReadError(
            f"model.name: the config of {name} says {layers:,} layers and a width of {width:,}, "
            f"which must be from 1 to {DEEPEST:,} and to {WIDEST:,}"
        )
    return Facts(kind, layers, width)


def _half_of(config: "PreTrainedConfig", half: Half) -> "PreTrainedConfig":
    """The config of a half, which may be that of the whole."""
    own: Any = getattr(config, half, None)
    return own.get_text_config() if hasattr(own, "get_text_config") else config


def kind_of(config: "PreTrainedConfig", name: str) -> Kind:
    """Whether a model is a masked or a causal language model, or has an encoder and a decoder.

    By its architecture where its config names one, else by its type. Raises NotReadError for a
    type that transformers knows as none of them.
    """
    from transformers.models.auto import modeling_auto as auto

    kind_of_type, names = config.model_type, " ".join(config.architectures or [])
    both = getattr(config, "is_encoder_decoder", False)
    if both and kind_of_type in auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return "encoder-decoder"
    if "ForMaskedLM" in names and kind_of_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return "encoder"
    causal = (
        auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES | auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    )
    predicts_next = any(part in names for part in ("ForCausalLM", "LMHeadModel"))
    if (predicts_next or getattr(config, "is_decoder", False)) and kind_of_type in causal:
        return "decoder"
    if kind_of_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return "encoder"
    if kind_of_type in causal:
        return "decoder"
    raise NotReadError(
        f"model.name: {name} is a {kind_of_type}, which transformers knows neither as a causal or "
        "masked language model, nor as an encoder-decoder of texts"
    )


def class_with_head(kind: str, config: "PreTrainedConfig") -> str:
    """Name of the class of transformers that is the model with its language-modelling head."""
    from transformers.models.auto import modeling_auto as auto

    if kind == "decoder" and config.model_type not in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return WITH_IMAGES
    return CLASSES[kind]
