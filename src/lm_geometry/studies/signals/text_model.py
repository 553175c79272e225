"""A small pre-norm transformer of words from random weights: an encoder, or a decoder."""

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lm_geometry.models.arithmetic.model import Architecture, Attention, Block
from lm_geometry.point_cloud.shapes import Float, Integer
from lm_geometry.studies.signals.observed import Texts, losses_of
from lm_geometry.workspace.seeds import stream

WARM_UP, CLIPPED_AT = 20, 1.0  # steps; norm of the gradient
DEVIATION = 0.09  # of initial embeddings, 1/√128 about
SIZES: dict[str, Any] = {
    "layers": 2,
    "width": 64,
    "heads": 4,
    "head_width": 16,
    "feed_forward": 256,
    "dropout": 0,
}


class SeesAll(Attention):
    """Attention without a mask."""

    def forward(
        self, x: Float[Tensor, "texts tokens width"]
    ) -> Float[Tensor, "texts tokens width"]:
        query, key, value = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        weights = (query @ key.transpose(-1, -2) / math.sqrt(key.shape[-1])).softmax(-1)
        return self.output((weights @ value).transpose(1, 2).flatten(-2))


class TextTransformer(nn.Module):
    """Predicts the next word at every place, or from the mean over places the class of a text."""

    def __init__(
        self, of: Architecture, length: int, predicts: Literal["words", "class"], classes: int
    ) -> None:
        super().__init__()
        self.predicts = predicts
        self.blocks = nn.ModuleList(Block(of) for _ in range(of.layers))
        if predicts == "class":
            for block in self.blocks:
                block.attention = SeesAll(of)
        self.embeddings = nn.Embedding(of.elements, of.width)
        self.positions = nn.Embedding(length, of.width)
        self.norm = nn.LayerNorm(of.width)
        self.output = nn.Linear(of.width, classes)
        for table in (self.embeddings, self.positions):
            nn.init.normal_(table.weight, std=DEVIATION)

    def forward(self, ids: Integer[Tensor, "texts tokens"]) -> Float[Tensor, "texts *tokens _"]:
        """Logits `[texts, tokens, words]`, or `[texts, classes]`."""
        states = self.norm(self.hidden_states(ids)[-1])
        return self.output(states if self.predicts == "words" else states.mean(dim=-2))

    def hidden_states(
        self, ids: Integer[Tensor, "texts tokens"]
    ) -> list[Float[Tensor, "texts tokens width"]]:
        """`[texts, tokens, width]` of the embeddings and after every block."""
        states = [self.embeddings(ids) + self.positions.weight]
        for block in self.blocks:
            states.append(block(states[-1]))
        return states


class Learning:
    """AdamW on shuffled epochs of texts; the seed draws the weights and the order."""

    def __init__(
        self,
        model: nn.Module,
        texts: Texts,
        batch: int,
        learning_rate: float,
        weight_decay: float,
        seed: int,
    ) -> None:
        self.model, self.texts, self.rate = model, texts, learning_rate
        self.batch = min(batch, len(texts))
        self.order, self.left = stream(seed, "order of batches"), []
        self.step = 0
        self.optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=learning_rate,
            betas=(0.9, 0.98),
            weight_decay=weight_decay,
            fused=True,
        )

    def advance(self, steps: int) -> None:
        """Train for so many steps."""
        ids, targets = torch.from_numpy(self.texts.ids), torch.from_numpy(self.texts.targets)
        for _ in range(steps):
            if len(self.left) < self.batch:
                self.left = list(self.order.permutation(len(self.texts)))
            rows = torch.tensor(self.left[: self.batch])
            del self.left[: self.batch]
            self.step += 1
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate * min(1.0, self.step / WARM_UP)
            loss = losses_of(self.model(ids[rows]), targets[rows]).mean()
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), CLIPPED_AT)
            self.optimiser.step()


def made(
    of: Architecture, length: int, predicts: Literal["words", "class"], classes: int, seed: int
) -> TextTransformer:
    """An untrained model, drawn by `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TextTransformer(of, length, predicts, classes)
