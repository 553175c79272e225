"""Which settings of `embed` a model can be read with."""

from transformers import PreTrainedTokenizerBase

from lm_geometry.embed.params import Embed
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace.points import RESIDUAL, named


def check_mode(
    source: ModelSource, settings: Embed, tokenizer: PreTrainedTokenizerBase | None
) -> None:
    """Raises ValueError where a setting does not fit the model or another one."""
    _check_streaming(source, settings)
    if source.kind == "arithmetic" and settings.points != RESIDUAL:
        raise ValueError(
            f"embed.points: {named(settings.points)} is not read of {source.name}, which learns "
            "equations: residual"
        )
    if settings.mode == "regular":
        return
    if source.kind not in ("encoder", "encoder-decoder") or tokenizer is None:
        raise ValueError(
            f"embed.mode: masked_token needs a masked language model, and {source.name} is a "
            f"{source.kind}: regular"
        )
    if tokenizer.mask_token_id is None:
        raise ValueError(f"embed.mode: the tokenizer of {source.name} has no mask token: regular")


def _check_streaming(source: ModelSource, settings: Embed) -> None:
    if settings.store == "stored":
        return
    if not settings.queries.count:
        raise ValueError(
            "embed.store: none leaves nothing where embed.queries.count is 0: stored, or ask for "
            "queries"
        )
    if settings.mode != "regular" or source.kind == "arithmetic":
        raise ValueError("embed.store: none is for embed.mode: regular and models of texts: stored")
