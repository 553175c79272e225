"""The same logits and states with less work, for models without dropout.

Attention is causal. The states of the first two tokens, "a o", therefore depend on a alone and are
computed once for each element, not for each equation; at the embeddings the other two depend on a
token alone as well. Only the last token predicts, so the last block needs of the others no more
than their keys and values. Nothing is approximated; sums may be taken in another order.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lm_geometry.models.arithmetic.model import ArithmeticTransformer, Attention, Block
from lm_geometry.point_cloud.shapes import Float, Float32, Integer


@dataclass(frozen=True)
class Token:
    """Vectors of one of the four tokens, in as few rows as there are different ones.

    `index` `[equations]` is the row of each equation. Without it there is a row for each equation,
    or one row for all.
    """

    rows: Tensor
    index: Tensor | None = None

    def each(self) -> Float[Tensor, "rows width"]:
        """Vectors `[rows, width]` by equation, or one row for all."""
        return self.rows if self.index is None else functional.embedding(self.index, self.rows)


def logits(
    model: ArithmeticTransformer,
    ids: Integer[Tensor, "equations tokens"],
    precision: str = "float32",
) -> Float32[Tensor, "equations elements"]:
    """Logits `[equations, elements]` in float32, equal to those of `model(ids)`.

    `precision` bfloat16 multiplies matrices within blocks in bfloat16; sums, norms, softmax and the
    output stay float32. Raises ValueError where the model is in training mode and has dropout.
    """
    tokens = _embedded(model, ids)
    with _multiplying_in(precision, ids.device):
        for block in model.blocks[:-1]:
            tokens = _block(block, tokens)
        last = _block(model.blocks[-1], tokens, only_last=True)[-1]
    return model.output(model.norm(last.rows.float()))


def hidden_states(
    model: ArithmeticTransformer, ids: Integer[Tensor, "equations tokens"]
) -> list[Float[Tensor, "equations tokens width"]]:
    """States `[equations, 4, width]` of the embeddings and after every block, before the last norm.

    Equal to `model.hidden_states(ids)`, and tokens that have the same state by definition ("a" and
    "o" of equations with the same a) have the same bytes, which deduplication relies on.
    """
    found = [_embedded(model, ids)]
    for block in model.blocks:
        found.append(_block(block, found[-1]))
    shape = (len(ids), model.architecture.width)
    return [torch.stack([t.each().expand(shape) for t in tokens], dim=1) for tokens in found]


def _embedded(model: ArithmeticTransformer, ids: Tensor) -> list[Token]:
    """The four tokens at the embeddings; operands have a row for each token of the vocabulary."""
    if model.training and model.architecture.dropout:
        raise ValueError(
            f"dropout: {model.architecture.dropout} draws anew for every equation, and nothing can "
            "be shared; train with model(ids), or set dropout to 0"
        )
    vectors = model.embeddings.weight * model.scale
    positions = model.positions.weight
    return [
        Token(vectors + positions[0], ids[:, 0]),
        Token(vectors[:1] + positions[1]),
        Token(vectors + positions[2], ids[:, 2]),
        Token(vectors[1:2] + positions[3]),
    ]


def _block(block: nn.Module, tokens: list[Token], only_last: bool = False) -> list[Token]:
    """The tokens after a block, or only the last of them."""
    assert isinstance(block, Block)
    x = torch.cat([token.rows for token in tokens])
    attended = _attended(
        block.attention, block.first_norm(x) if block.pre else x, tokens, only_last
    )
    a = tokens[0].index
    before = [tokens[0].rows, tokens[1].rows, tokens[2].each(), tokens[3].rows]
    parts = [
        old.expand(len(new), -1)
        for old, new in zip(before[-len(attended) :], attended, strict=True)
    ]
    x = torch.cat(parts) + block.attention.output(torch.cat(attended))
    if block.pre:
        x = x + block.feed_forward(block.second_norm(x))
    else:
        x = block.first_norm(x)
        x = block.second_norm(x + block.feed_forward(x))
    rows = x.split([len(part) for part in attended])
    if only_last:
        return [Token(rows[0])]
    return [Token(rows[0], a), Token(rows[1], a), Token(rows[2]), Token(rows[3])]


def _attended(
    attention: Attention, x: Tensor, tokens: list[Token], only_last: bool
) -> list[Tensor]:
    """What each of the four tokens attends to, or only the last: rows `[rows, width]` of values.

    The first two tokens have a row for each value of a, the others one for each equation.
    """
    lengths = [len(token.rows) for token in tokens]
    maps = [attention.key, attention.value] + ([] if only_last else [attention.query])
    weight, bias = torch.cat([m.weight for m in maps]), torch.cat([m.bias for m in maps])
    rows = functional.linear(x, weight, bias).split(lengths)
    parts = [part.chunk(len(maps), dim=-1) for part in rows]
    each = [
        Token(part, token.index).each().chunk(len(maps), dim=-1)
        for part, token in zip(rows, tokens, strict=True)
    ]
    keys, values = [part[0] for part in each], [part[1] for part in each]
    if only_last:
        query = attention.query(x[-lengths[-1] :])
        return [_averaged(query, keys, values, attention.heads)]
    first, second = parts[:2]
    return [
        first[1],
        _averaged(second[2], [first[0], second[0]], [first[1], second[1]], attention.heads),
        _averaged(each[2][2], keys[:3], values[:3], attention.heads),
        _averaged(each[3][2], keys, values, attention.heads),
    ]


def _averaged(query: Tensor, keys: list[Tensor], values: list[Tensor], heads: int) -> Tensor:
    """Values averaged by attention: `[rows, width]`, of which some arguments may have one row."""
    scores = [_by_head(query * key, heads).sum(-1) for key in keys]
    together = torch.stack(torch.broadcast_tensors(*scores)).float()
    scaled = together / math.sqrt(query.shape[-1] // heads)
    weights = scaled.softmax(0).to(query.dtype).unsqueeze(-1)
    found = weights[0] * _by_head(values[0], heads)
    for weight, value in zip(weights[1:], values[1:], strict=True):
        found = torch.addcmul(found, weight, _by_head(value, heads))
    return found.flatten(-2)


def _by_head(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1))


def _multiplying_in(precision: str, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
