"""Forward passes of padded batches, of which only the asked layers and tokens leave the device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lm_geometry.embed.placement import on_one_device, places
from lm_geometry.point_cloud.shapes import Float, Float32, Int64
from lm_geometry.workspace import machine

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


@dataclass(frozen=True)
class Passed:
    """States of some sequences of a batch, on the device: asked `layers`, and the `last` one."""

    part: slice
    layers: list[Float[torch.Tensor, "sequences positions width"]]
    last: Float[torch.Tensor, "sequences positions width"]

    def at(
        self, sequences: Int64[np.ndarray, "tokens"], positions: Int64[np.ndarray, "tokens"]
    ) -> Float32[np.ndarray, "layers tokens width"]:
        """States of tokens; `sequences` count from the part's first."""
        where = self._index(sequences, positions)
        return torch.stack([states[where] for states in self.layers]).float().cpu().numpy()

    def last_at(
        self, sequences: Int64[np.ndarray, "tokens"], positions: Int64[np.ndarray, "tokens"]
    ) -> Float[torch.Tensor, "tokens width"]:
        """The model's last states of tokens, still on the device."""
        return self.last[self._index(sequences, positions)]

    def _index(
        self, sequences: Int64[np.ndarray, "tokens"], positions: Int64[np.ndarray, "tokens"]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        device = self.last.device
        return torch.from_numpy(sequences).to(device), torch.from_numpy(positions).to(device)


class ForwardPass:
    """A model on its device, or spread over several, without its head."""

    def __init__(
        self,
        model: PreTrainedModel,
        device: str,
        dtype: torch.dtype,
        pad_id: int,
        layers: list[int],
    ) -> None:
        self.model = model if places(model) else on_one_device(model, device, dtype)
        self.device = device
        self.pad_id = pad_id
        self.layers = layers

    def run(self, sequences: Sequence[list[int]], first: int = 0) -> Iterator[Passed]:
        """States of the sequences, all at once, or in halves where memory does not suffice."""
        passed = self._passed(sequences, first)
        if passed is not None:
            yield passed
            return
        torch.cuda.empty_cache()
        half = len(sequences) // 2
        print(f"out of memory: {len(sequences)} sequences are halved", flush=True)
        yield from self.run(sequences[:half], first)
        yield from self.run(sequences[half:], first + half)

    @torch.inference_mode()
    def _passed(self, sequences: Sequence[list[int]], first: int) -> Passed | None:
        """What the model made of all, or None where memory does not suffice for several."""
        ids = torch.full((len(sequences), max(map(len, sequences))), self.pad_id)
        mask = torch.zeros_like(ids)
        for i, sequence in enumerate(sequences):
            ids[i, : len(sequence)] = torch.tensor(sequence)
            mask[i, : len(sequence)] = 1
        padded = not bool(mask.all())  # attention without a mask is faster
        has_cache = hasattr(self.model.config, "use_cache")
        try:
            output = self.model.base_model(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device) if padded else None,
                output_hidden_states=True,
                **({"use_cache": False} if has_cache else {}),
            )
        except torch.cuda.OutOfMemoryError:
            if len(sequences) == 1:
                raise
            return None
        last = output.last_hidden_state  # layers of a spread model may be elsewhere
        layers = [output.hidden_states[layer].to(last.device) for layer in self.layers]
        return Passed(slice(first, first + len(sequences)), layers, last)
