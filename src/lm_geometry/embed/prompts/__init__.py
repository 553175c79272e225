"""Prompts: their states are reduced to distances, neighbours and cosines, layer by layer."""

from lm_geometry.embed.prompts.layer import LayerGeometry, prompt_of
from lm_geometry.embed.prompts.reduce import layer_geometry, prompt_geometry

__all__ = ["LayerGeometry", "layer_geometry", "prompt_geometry", "prompt_of"]
