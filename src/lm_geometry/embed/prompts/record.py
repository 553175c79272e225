"""The record of one prompt: one forward pass, reduced to its geometry, and the loss."""

from dataclasses import replace

import numpy as np

from lm_geometry.embed.forward_pass import ForwardPass, Passed
from lm_geometry.embed.params import PromptStates
from lm_geometry.embed.prompts.layer import prompt_of
from lm_geometry.embed.prompts.reduce import layer_geometry
from lm_geometry.outs.embed.prompts import PromptRecord
from lm_geometry.point_cloud.shapes import Int64


def prompt_record(
    states: ForwardPass, ids: Int64[np.ndarray, "tokens"], chosen: PromptStates, loss: bool
) -> PromptRecord:
    """The geometry of the prompt `ids` at each layer of `states`, and its mean loss if wanted.

    Radii are rounded as `write_record` stores them, so that what is not stored has its numbers.
    """
    (passed,) = states.run([ids.tolist()], losses=loss)
    first = int(chosen.drop_first)
    sizes = chosen.gride_range, chosen.overlap_k, chosen.precision
    geometry = prompt_of(
        [
            layer_geometry(layer[0, first:].float(), *sizes, window=chosen.window)
            for layer in passed.layers
        ]
    )
    geometry = replace(geometry, radii=geometry.radii.astype(np.float32))
    types = len(np.unique(ids))
    mean = _mean_loss(states, passed, ids) if loss else float("nan")
    return PromptRecord(geometry, mean, len(ids), types)


def _mean_loss(states: ForwardPass, passed: Passed, ids: Int64[np.ndarray, "tokens"]) -> float:
    positions = np.arange(len(ids) - 1)
    losses = states.losses(passed, np.zeros_like(positions), positions, ids[1:])
    return float(losses.mean(dtype=np.float64))
