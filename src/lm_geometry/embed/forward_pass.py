"""Forward passes of padded batches, of which only the asked layers and tokens leave the device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lm_geometry.embed.placement import places
from lm_geometry.workspace import machine

Numbers = npt.NDArray[np.int64]

ALIKE = 0.9  # of the longest sequence: shorter ones begin another batch,
ENOUGH = 0.125  # where this one has so much of its tokens


def batches(lengths: Numbers, batch_tokens: int) -> Iterator[Numbers]:
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


@dataclass(frozen=True)
class Passed:
    """States of some sequences of a batch, on the device: asked `layers`, and the `last` one."""

    part: slice
    layers: list[torch.Tensor]
    last: torch.Tensor

    def at(self, sequences: Numbers, positions: Numbers) -> npt.NDArray[np.float32]:
        """States `[layers, tokens, width]` of tokens; `sequences` count from the part's first."""
        where = self._index(sequences, positions)
        return torch.stack([states[where] for states in self.layers]).float().cpu().numpy()

    def last_at(self, sequences: Numbers, positions: Numbers) -> torch.Tensor:
        """The model's last states `[tokens, width]` of tokens, still on the device."""
        return self.last[self._index(sequences, positions)]

    def _index(self, sequences: Numbers, positions: Numbers) -> tuple[torch.Tensor, torch.Tensor]:
        device = self.last.device
        return torch.from_numpy(sequences).to(device), torch.from_numpy(positions).to(device)


class ForwardPass:
    """A model on its device, or spread over several, without its head."""

    def __init__(
        self, model: Any, device: str, dtype: torch.dtype, pad_id: int, layers: list[int]
    ) -> None:
        self.model = model if places(model) else model.to(device=device, dtype=dtype)
        self.device = device
        self.pad_id = pad_id
        self.layers = layers

    @torch.inference_mode()
    def run(self, sequences: Sequence[list[int]], first: int = 0) -> Iterator[Passed]:
        """States of the sequences, all at once, or in halves where memory does not suffice."""
        output = self._output(sequences)
        if output is not None:
            last = output.last_hidden_state  # layers of a spread model may be elsewhere
            layers = [output.hidden_states[layer].to(last.device) for layer in self.layers]
            yield Passed(slice(first, first + len(sequences)), layers, last)
            return
        torch.cuda.empty_cache()
        half = len(sequences) // 2
        print(f"out of memory: {len(sequences)} sequences are halved", flush=True)
        yield from self.run(sequences[:half], first)
        yield from self.run(sequences[half:], first + half)

    def _output(self, sequences: Sequence[list[int]]) -> Any:
        """The model's output, or None where memory does not suffice for several sequences."""
        ids = torch.full((len(sequences), max(map(len, sequences))), self.pad_id)
        mask = torch.zeros_like(ids)
        for i, sequence in enumerate(sequences):
            ids[i, : len(sequence)] = torch.tensor(sequence)
            mask[i, : len(sequence)] = 1
        padded = not bool(mask.all())  # attention without a mask is faster
        has_cache = hasattr(self.model.config, "use_cache")
        try:
            return self.model.base_model(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device) if padded else None,
                output_hidden_states=True,
                **({"use_cache": False} if has_cache else {}),
            )
        except torch.cuda.OutOfMemoryError:
            if len(sequences) == 1:
                raise
            return None
