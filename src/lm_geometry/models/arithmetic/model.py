"""The published transformer of modular arithmetic: causal, of four tokens, predicting the result.

After Power et al. 2022 (arXiv:2201.02177) as Ruppik et al. 2025 (arXiv:2506.01034, sec. 4.2) train
it. Modules are made in the published order, so that a seed gives the published initial weights.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lm_geometry.models.arithmetic.equations import SIGNS
from lm_geometry.models.arithmetic.params import Arithmetic
from lm_geometry.point_cloud.shapes import Float, Integer

POSITIONS = 5  # learned, of which an equation without its result uses four


@dataclass(frozen=True)
class Architecture:
    """Sizes of a model, and what a forward pass needs to know."""

    elements: int
    layers: int = 2
    width: int = 128
    heads: int = 4
    head_width: int = 32
    feed_forward: int = 512
    norm: str = "pre"
    dropout: float = 0.1
    scale_embeddings: bool = True

    @classmethod
    def of(cls, settings: Arithmetic, elements: int) -> "Architecture":
        """The architecture that the settings describe, for so many elements."""
        shared = cls.__dataclass_fields__.keys() & type(settings).model_fields.keys()
        return cls(elements=elements, **settings.model_dump(include=set(shared)))


class Attention(nn.Module):
    """Causal attention over the tokens of an equation, with biases in all four maps."""

    def __init__(self, of: Architecture) -> None:
        super().__init__()
        inner = of.heads * of.head_width
        self.heads = of.heads
        self.key = nn.Linear(of.width, inner)
        self.value = nn.Linear(of.width, inner)
        self.query = nn.Linear(of.width, inner)
        self.output = nn.Linear(inner, of.width)
        self.dropout = nn.Dropout(of.dropout)

    def forward(
        self, x: Float[Tensor, "equations tokens width"]
    ) -> Float[Tensor, "equations tokens width"]:
        """From `[equations, tokens, width]` to the same shape."""
        query, key, value = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(key.shape[-1])
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        weights = self.dropout(scores.masked_fill(later, -math.inf).softmax(-1))
        return self.output((weights @ value).transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention and a feed-forward map, each added to what came in."""

    def __init__(self, of: Architecture) -> None:
        super().__init__()
        self.pre = of.norm == "pre"
        self.attention = Attention(of)
        self.expand = nn.Linear(of.width, of.feed_forward)
        self.contract = nn.Linear(of.feed_forward, of.width)
        self.first_norm = nn.LayerNorm(of.width)
        self.second_norm = nn.LayerNorm(of.width)
        self.dropout = nn.Dropout(of.dropout)

    def forward(
        self, x: Float[Tensor, "equations tokens width"]
    ) -> Float[Tensor, "equations tokens width"]:
        """From `[equations, tokens, width]` to the same shape."""
        if self.pre:
            x = x + self.dropout(self.attention(self.first_norm(x)))
            return x + self.dropout(self.feed_forward(self.second_norm(x)))
        x = self.first_norm(x + self.dropout(self.attention(x)))
        return self.second_norm(x + self.dropout(self.feed_forward(x)))

    def feed_forward(self, x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """The feed-forward map `[..., width]`, without the sum."""
        return self.contract(self.dropout(functional.gelu(self.expand(x))))


class ArithmeticTransformer(nn.Module):
    """Predicts the result of "a o b =" from its token ids."""

    def __init__(self, of: Architecture) -> None:
        super().__init__()
        self.architecture = of
        self.blocks = nn.ModuleList(Block(of) for _ in range(of.layers))
        self.embeddings = nn.Embedding(of.elements + SIGNS, of.width)
        self.positions = nn.Embedding(POSITIONS, of.width)
        self.output = nn.Linear(of.width, of.elements)
        self.norm = nn.LayerNorm(of.width) if of.norm == "pre" else nn.Identity()
        self.dropout = nn.Dropout(of.dropout)
        self.scale = math.sqrt(of.width) if of.scale_embeddings else 1.0

    def forward(
        self, ids: Integer[Tensor, "equations tokens"]
    ) -> Float[Tensor, "equations elements"]:
        """Logits `[equations, elements]` of the result, given ids `[equations, 4]`."""
        return self.output(self.norm(self.hidden_states(ids)[-1][:, -1]))

    def hidden_states(
        self, ids: Integer[Tensor, "equations tokens"]
    ) -> list[Float[Tensor, "equations tokens width"]]:
        """States `[equations, 4, width]` of the embeddings and after every block.

        The last one is before the final norm, as in the published estimates.
        """
        positions = self.positions.weight[: ids.shape[1]]
        states = [self.dropout(self.embeddings(ids) * self.scale + positions)]
        for block in self.blocks:
            states.append(block(states[-1]))
        return states


def make_model(settings: Arithmetic, elements: int, seed: int) -> ArithmeticTransformer:
    """An untrained model, with the initial weights of torch's own layers, drawn by `seed`.

    Embeddings, of tokens and of positions, are drawn with deviation 1 and then scaled to
    `embedding_deviation`. torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ArithmeticTransformer(Architecture.of(settings, elements))
    with torch.no_grad():
        for embedding in (model.embeddings, model.positions):
            embedding.weight.mul_(settings.embedding_deviation)
    return model
