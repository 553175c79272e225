"""All that is kept of one prompt: ratios of distances, neighbours and cosines, layer by layer."""

from lm_geometry.prompt_geometry.layer import LayerGeometry
from lm_geometry.prompt_geometry.prompt import PromptGeometry
from lm_geometry.prompt_geometry.reduce import layer_geometry, prompt_geometry

__all__ = ["LayerGeometry", "PromptGeometry", "layer_geometry", "prompt_geometry"]
