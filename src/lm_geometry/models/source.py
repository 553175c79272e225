"""A model that was named in params.yaml, resolved: what later stages depend on."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from, and the facts about it that stages need before loading it."""

    name: str
    label: str
    source: str
    kind: str
    layers: int
    width: int
    weights: str
    seed: int
    content: str = ""  # hash of the files of a `file:` model: other weights are another model

    def record(self) -> dict[str, Any]:
        """The fields as a JSON object, which `ModelSource(**record)` reads back."""
        return asdict(self)

    def resolved_layers(self, layers: list[int] | str) -> list[int]:
        """Layer numbers 0 … layers; `all`, or negative ones counted from the end.

        Raises ValueError for a layer that the model does not have.
        """
        if isinstance(layers, str):
            return list(range(self.layers + 1))
        for layer in layers:
            if not -self.layers - 1 <= layer <= self.layers:
                raise ValueError(
                    f"embed.layers: {self.name} has no layer {layer}; it has 0 … {self.layers}"
                )
        return [layer % (self.layers + 1) for layer in layers]
