"""What is seen of a training at a measured step, in every family alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from lm_geometry.point_cloud.shapes import Bool, Float, Float32, Int64
from lm_geometry.workspace.seeds import stream

EXAMPLES, GRADIENTS, PARAMETERS = 500, 64, 4000  # with losses, with gradients, coordinates of those
AT_ONCE = 1024  # sequences in a forward pass


class Blocks(Protocol):
    """A pre-norm model whose states and MLP units can be read, as `ArithmeticTransformer`'s."""

    blocks: nn.ModuleList

    def hidden_states(
        self, ids: Int64[Tensor, "sequences tokens"]
    ) -> list[Float[Tensor, "sequences tokens width"]]:
        """`[sequences, tokens, width]` of the embeddings and after every block."""
        ...


@dataclass(frozen=True)
class Texts:
    """Token ids `[sequences, tokens]`, all of one length, and what is to be predicted of them.

    `targets` are `[sequences]` classes, or `[sequences, tokens]` the next tokens; `documents`
    `[sequences]` whose they are.
    """

    ids: Int64[np.ndarray, "sequences tokens"]
    targets: Int64[np.ndarray, "sequences *tokens"]
    documents: Int64[np.ndarray, "sequences"]

    def __len__(self) -> int:
        return len(self.ids)

    def first(self, count: int) -> "Texts":
        """The first sequences, all where there are fewer."""
        return Texts(self.ids[:count], self.targets[:count], self.documents[:count])


@dataclass(frozen=True)
class Probe:
    """The tokens whose states are read: held out, the same at every step, in one order.

    `distinct` `[tokens]` is false for a token whose state must equal an earlier one's, since the
    model sees the same of both: `causal` models see what stands before, others the whole sequence.
    """

    ids: Int64[np.ndarray, "sequences tokens"]
    sequences: Int64[np.ndarray, "all_tokens"]
    distinct: Bool[np.ndarray, "all_tokens"]
    classes: Int64[np.ndarray, "all_tokens"] | None

    @classmethod
    def of(cls, texts: Texts, causal: bool) -> "Probe":
        """The probe of these texts; targets that are classes become those of their tokens."""
        count, length = texts.ids.shape
        seen: set[tuple[int, bytes]] = set()
        distinct = np.ones((count, length), dtype=bool)
        for row, ids in enumerate(texts.ids):
            for place in range(length):
                key = place, (ids[: place + 1] if causal else ids).tobytes()
                distinct[row, place] = key not in seen
                seen.add(key)
        classes = texts.targets.repeat(length) if texts.targets.ndim == 1 else None
        return cls(texts.ids, np.arange(count).repeat(length), distinct.ravel(), classes)


@dataclass(frozen=True)
class Observation:
    """One measured step: states and units of the probe, weights, gradients, losses, in nats."""

    step: int
    states: Float32[np.ndarray, "all_tokens width"]
    activations: Float32[np.ndarray, "all_tokens neurons"]
    weights: dict[str, Float32[np.ndarray, "..."]]
    gradients: dict[str, Float32[np.ndarray, "..."]]
    example_gradients: Float32[np.ndarray, "some_examples parameters"]
    example_losses: Float32[np.ndarray, "examples"]
    validation_losses: Float32[np.ndarray, "units"]
    validation_accuracy: float


@dataclass
class Training:
    """A model in training with what is observed of it; `advance` trains for so many steps."""

    model: nn.Module
    train: Texts
    validation: Texts
    probe: Probe
    advance: Callable[[int], None]
    seed: int
    step: int = 0
    _drawn: Int64[np.ndarray, "parameters"] = field(init=False)

    def __post_init__(self) -> None:
        count = sum(weight.numel() for weight in self.model.parameters())
        generator = stream(self.seed, "parameters whose gradients are kept")
        chosen = generator.choice(count, min(PARAMETERS, count), replace=False)
        self._drawn = np.sort(chosen)

    def run(self, steps: int) -> None:
        """Train until `steps`, counted from the beginning."""
        if steps > self.step:
            self.model.train()
            self.advance(steps - self.step)
            self.step = steps

    def observe(self) -> Observation:
        """What there is to see now; the training goes on as if nobody had looked."""
        self.model.eval()
        states, activations = self.states()
        losses, _ = self._predictions(self.train.first(EXAMPLES))
        held_out, accuracy = self._predictions(self.validation)
        gradients, kept = self._gradients()
        weights = {name: _numpy(weight) for name, weight in self.model.named_parameters()}
        return Observation(
            self.step, states, activations, weights, gradients, kept, losses, held_out, accuracy
        )

    @torch.no_grad()
    def states(self) -> tuple[Float32[np.ndarray, "_ width"], Float32[np.ndarray, "_ neurons"]]:
        """States after the last block, before the final norm, and the units of its MLP."""
        given: list[Tensor] = []
        model: Blocks = self.model  # pyright: ignore[reportAssignmentType]
        expand: nn.Module = model.blocks[-1].expand  # pyright: ignore[reportAssignmentType]

        def kept(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            given.append(output)

        hook = expand.register_forward_hook(kept)
        try:
            found = model.hidden_states(torch.from_numpy(self.probe.ids))[-1]
        finally:
            hook.remove()
        units = functional.gelu(given[-1])
        return _numpy(found.flatten(0, 1)), _numpy(units.flatten(0, 1))

    @torch.no_grad()
    def _predictions(self, texts: Texts) -> tuple[Float32[np.ndarray, "sequences"], float]:
        """The loss of each sequence, and the share of targets that are most likely."""
        losses, right = [], 0.0
        for first in range(0, len(texts), AT_ONCE):
            ids, targets = (
                torch.from_numpy(part[first : first + AT_ONCE])
                for part in (texts.ids, texts.targets)
            )
            logits = self.model(ids)
            losses.append(losses_of(logits, targets))
            right += float((logits.argmax(-1) == targets).double().sum())
        return _numpy(torch.cat(losses)), right / texts.targets.size

    def _gradients(
        self,
    ) -> tuple[dict[str, Float32[np.ndarray, "..."]], Float32[np.ndarray, "_ parameters"]]:
        """The mean gradient of the first training examples, and each one's in the drawn places."""
        texts = self.train.first(GRADIENTS)
        weights = {name: weight.detach() for name, weight in self.model.named_parameters()}

        def loss(weights: dict[str, Tensor], ids: Tensor, targets: Tensor) -> Tensor:
            logits = functional_call(self.model, weights, (ids[None],))
            return losses_of(logits, targets[None])[0]

        each = vmap(grad(loss), in_dims=(None, 0, 0))
        found = each(weights, torch.from_numpy(texts.ids), torch.from_numpy(texts.targets))
        flat = torch.cat([part.flatten(1) for part in found.values()], dim=1)
        means = {name: _numpy(part.mean(0)) for name, part in found.items()}
        return means, _numpy(flat[:, torch.from_numpy(self._drawn)])


def losses_of(
    logits: Float[Tensor, "sequences *tokens classes"], targets: Int64[Tensor, "sequences *tokens"]
) -> Float[Tensor, "sequences"]:
    """The mean cross-entropy of each sequence `[sequences]`, in nats."""
    each = functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), reduction="none"
    )
    return each.reshape(len(targets), -1).mean(dim=1)


def _numpy(tensor: Tensor) -> Float32[np.ndarray, "..."]:
    return tensor.detach().float().numpy().copy()
