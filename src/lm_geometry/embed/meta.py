"""What meta.json says of states: how they were made, and what the model was found to do."""

from collections.abc import Mapping
from typing import Any

from lm_geometry.embed.equations import EquationStates
from lm_geometry.embed.forward_pass import predicts_next
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.masked_token import MaskedTokenStates
from lm_geometry.embed.params import Embed
from lm_geometry.models.points import STREAM
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace.hashes import library_versions, value_hash

States = HiddenStates | MaskedTokenStates | EquationStates


def has_loss(source: ModelSource, states: States, settings: Embed) -> bool:
    """Whether the tokens of a corpus have a loss under a model, and it is asked for."""
    if isinstance(states, EquationStates) or not settings.loss:
        return False
    return settings.mode == "masked_token" or predicts_next(source, states)


def meta_of(
    states: States, settings: Embed, layers: list[int], tokens: int, described: Mapping[str, Any]
) -> dict[str, Any]:
    """What there is to tell of the states of `tokens` tokens; `described` decides their bits."""
    return {
        "tokens": tokens,
        "layers": layers,
        "mode": settings.mode,
        "combine_layers": settings.combine_layers,
        "arithmetic": str(next(states.model.parameters()).dtype).removeprefix("torch."),
        "libraries": library_versions(),
        "params": value_hash(described),
        **found_in(states),
    }


def found_in(states: States) -> dict[str, Any]:
    """Where states were read, and what the probe found; nothing of one that learns equations."""
    if isinstance(states, EquationStates):
        return {"last_layer_after_final_norm": False, "findings": None, **STREAM.record()}
    found, place = states.findings, states.place
    normed = found.last_after_norm and place == STREAM
    own = {"last_layer_after_final_norm": normed, "findings": found.record()}
    return own | place.record()
