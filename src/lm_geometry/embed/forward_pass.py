"""Forward passes of padded batches, of which only the asked layers and tokens leave the device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lm_geometry.embed.placement import on_one_device, places
from lm_geometry.embed.token_loss import losses_of_logits, token_losses
from lm_geometry.models.body import without_cache
from lm_geometry.models.points import Place, place_of, states_at
from lm_geometry.models.probe import ROUNDING, Findings, difference, probe
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.point_cloud.shapes import Float, Float32, Int64
from lm_geometry.workspace import machine
from lm_geometry.workspace.points import RESIDUAL, Points

ALIKE = 0.9  # of the longest sequence: shorter ones begin another batch,
ENOUGH = 0.125  # where this one has so much of its tokens


def batches(
    lengths: Int64[np.ndarray, "sequences"], batch_tokens: int
) -> Iterator[Int64[np.ndarray, "batch"]]:
    """Indices into `lengths`, in batches of at most `batch_tokens` with padding.

    The longest come first, so that memory runs out at once or never. A sequence longer than
    `batch_tokens` makes a batch of its own. A batch is closed early where the next sequence is
    much shorter: padding costs more than another pass, once there is enough in this one.
    """
    order = np.lexsort((-np.arange(len(lengths)), -lengths))
    falling = -lengths[order]
    start = 0
    while start < len(order):
        longest = max(1, -int(falling[start]))
        shorter = int(np.searchsorted(falling, -ALIKE * longest, side="right"))
        enough = start + int(ENOUGH * batch_tokens) // longest
        stop = min(start + batch_tokens // longest, max(shorter, enough))
        stop = max(start + 1, stop)
        yield order[start:stop]
        start = stop


def arithmetic(wanted: str, device: str) -> tuple[torch.dtype, str]:
    """Arithmetic of the forward pass, and the reason for it."""
    if wanted != "auto":
        return getattr(torch, wanted), "embed.dtype"
    native, feature = machine.has_bfloat16(device)
    return (torch.bfloat16 if native else torch.float32), f"auto: {feature}"


def pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that fills sequences up; it is masked, so that any will do where there is none."""
    found = tokenizer.pad_token_id
    return found if isinstance(found, int) else 0


def check_sizes(source: ModelSource, states: "ForwardPass") -> None:
    """Raises ValueError where a model has other states than data-prep found in its config."""
    found = states.findings
    if (found.layers, found.width) != (source.layers, source.width):
        raise ValueError(
            f"model.name: {source.name} has {found.layers} blocks of width {found.width}, and its "
            f"config or catalogue entry says {source.layers} of {source.width}"
        )


def predicts_next(source: ModelSource, states: "ForwardPass") -> bool:
    """Whether a model has a next-token loss: a causal one that does not see what it predicts."""
    return source.kind == "decoder" and not states.findings.sees_right


@dataclass(frozen=True)
class Passed:
    """States of some sequences of a batch, on the device: asked `layers`, and the `last` one.

    The layers are those of a place in the blocks, the last one is what the head reads.

    `logits` are there where losses were asked for and the last states do not suffice for them.
    """

    part: slice
    layers: list[Float[torch.Tensor, "sequences positions width"]]
    last: Float[torch.Tensor, "sequences positions width"]
    logits: Float[torch.Tensor, "sequences positions vocabulary"] | None = None

    def at(
        self, sequences: Int64[np.ndarray, "tokens"], positions: Int64[np.ndarray, "tokens"]
    ) -> Float32[np.ndarray, "layers tokens width"]:
        """States of tokens; `sequences` count from the part's first."""
        where = self.index(sequences, positions)
        return torch.stack([states[where] for states in self.layers]).float().cpu().numpy()

    def index(
        self, sequences: Int64[np.ndarray, "tokens"], positions: Int64[np.ndarray, "tokens"]
    ) -> tuple[Int64[torch.Tensor, "tokens"], Int64[torch.Tensor, "tokens"]]:
        device = self.last.device
        return torch.from_numpy(sequences).to(device), torch.from_numpy(positions).to(device)


class ForwardPass:
    """A model on its device, or spread over several, without its head.

    Without `dtype` the model stays where and as it is. What it does with padding, and with its
    head, is found by a probe (`findings`). Raises ValueError for a model of which it shows that
    nothing right can be read.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        device: str,
        dtype: torch.dtype | None,
        pad_id: int,
        layers: list[int],
        half: str = "",
        points: Points | Place = RESIDUAL,
        findings: Findings | None = None,
        losses: bool = True,
    ) -> None:
        """States are read at `points`; `losses` says whether those will be asked for.

        `findings`, and a place as `points`, are those of an earlier probe of the model, which is
        then not repeated.
        """
        self.model = model
        if dtype is not None and not places(model):
            self.model = on_one_device(model, device, dtype)
        self.device = device
        self.half = half
        self.known = len(cast("nn.Embedding", model.get_input_embeddings()).weight)
        self.pad_id = pad_id if pad_id < self.known else 0  # it is masked: any will do
        self.layers = layers
        self.findings: Findings = findings or probe(self.model, half, self.pad_id, losses)
        self.place = points if isinstance(points, Place) else place_of(model, points, half)
        self.compared = findings is not None  # whether a padded batch was, with its sequences alone
        self._probed = self.findings, self.compared

    def afresh(self) -> None:
        """Forget what batches showed after the probe: a cell depends on none before it."""
        self.findings, self.compared = self._probed

    def run(
        self, sequences: Sequence[list[int]], first: int = 0, losses: bool = False
    ) -> Iterator[Passed]:
        """States of the sequences, and what `losses` need where they are asked for.

        All at once, in halves where memory does not suffice, and one by one where padding would
        change them. Raises ValueError for a token that the model's embeddings do not have.
        """
        passed = None
        if len(sequences) == 1 or not self.findings.padding_leaks:
            passed = self._passed(sequences, first, losses)
            if passed is None:
                torch.cuda.empty_cache()
                print(f"out of memory: {len(sequences)} sequences are halved", flush=True)
        if passed is not None and self._as_alone(passed, sequences):
            yield passed
            return
        half = len(sequences) // 2
        yield from self.run(sequences[:half], first, losses)
        yield from self.run(sequences[half:], first + half, losses)

    def _as_alone(self, passed: Passed, sequences: Sequence[list[int]]) -> bool:
        """Whether states of the first padded batch are those of its sequences alone.

        What a model does with padding may depend on lengths that the probe does not reach (windows,
        choices of the best keys). From the first difference on nothing is padded.
        """
        longest = max(map(len, sequences))
        padded = sorted(
            (i for i, one in enumerate(sequences) if len(one) < longest),
            key=lambda i: len(sequences[i]),
        )
        if self.compared or not padded:
            return True
        self.compared = True
        for i in {padded[round(part * (len(padded) - 1) / 3)] for part in range(4)}:
            alone = self._passed([sequences[i]], 0, losses=False)
            assert alone is not None  # one sequence raises
            own = slice(0, len(sequences[i]))
            pairs = zip([*passed.layers, passed.last], [*alone.layers, alone.last], strict=True)
            change = max(difference(a[i : i + 1, own], b) for a, b in pairs)
            if change > ROUNDING[self.model.dtype]:
                print(f"padding changes states by {change:.1e}: none is done", flush=True)
                self.findings = replace(self.findings, padding_leaks=True)
                return False
        return True

    def losses(
        self,
        passed: Passed,
        sequences: Int64[np.ndarray, "tokens"],
        positions: Int64[np.ndarray, "tokens"],
        targets: Int64[np.ndarray, "tokens"],
    ) -> Float32[np.ndarray, "tokens"]:
        """Cross-entropy of `targets` in nat, predicted at tokens of a pass that asked for losses.

        NaN where the probe found none.
        """
        where = passed.index(sequences, positions)
        if self.findings.losses == "from the last states":
            return token_losses(self.model, passed.last[where], targets)
        if passed.logits is None:
            return np.full(len(targets), np.nan, dtype=np.float32)
        return losses_of_logits(passed.logits, where, targets)

    @torch.inference_mode()
    def _passed(self, sequences: Sequence[list[int]], first: int, losses: bool) -> Passed | None:
        """What the model made of all, or None where memory does not suffice for several."""
        ids = torch.full((len(sequences), max(map(len, sequences))), self.pad_id)
        mask = torch.zeros_like(ids)
        for i, sequence in enumerate(sequences):
            ids[i, : len(sequence)] = torch.tensor(sequence)
            mask[i, : len(sequence)] = 1
        if int(ids.max()) >= self.known:
            raise ValueError(
                f"model.name: a text has the token {int(ids.max())}, and the model has embeddings "
                f"of {self.known}: its tokenizer is another model's"
            )
        padded = not bool(mask.all())  # attention without a mask is faster
        given = ids.to(self.device), mask.to(self.device) if padded else None
        try:
            last, states = states_at(self.place, self.layers, self.model, *given, self.half)
            whole = losses and self.findings.losses == "from the whole model"
            logits = self._logits(*given) if whole else None
        except torch.cuda.OutOfMemoryError:
            if len(sequences) == 1:
                raise
            return None
        layers = [one.to(last.device) for one in states]  # of a spread model
        return Passed(slice(first, first + len(sequences)), layers, last, logits)

    def _logits(
        self, ids: Int64[torch.Tensor, "batch positions"], mask: torch.Tensor | None
    ) -> Float[torch.Tensor, "batch positions vocabulary"]:
        return self.model(input_ids=ids, attention_mask=mask, **without_cache(self.model)).logits
