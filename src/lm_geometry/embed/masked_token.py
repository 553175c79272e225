"""Hidden states of tokens that the model does not see: each masked in a copy of its sequence."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from lm_geometry.embed.forward_pass import ForwardPass, Passed, batches
from lm_geometry.embed.hidden_states import Arrays, Losses, store
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.point_cloud.shapes import Float32, Float64, Int64
from lm_geometry.workspace.points import RESIDUAL, Points
from lm_geometry.workspace.progress import progress

NOTHING = -1  # position of a copy in which nothing is masked; row of a token that is not kept


@dataclass(frozen=True)
class Copies:
    """Copies of sequences: in `sequence[c]` the token at `position[c]` is masked.

    `row[c]` is that token's row in the token table, or -1 where it is not kept and the copy is
    made for the ends of its sequence; `length[c]` is the sequence's. `ends` has the rows of the
    first and the last token of each sequence, -1 for one that is not kept.
    """

    sequence: Int64[np.ndarray, "copies"]
    position: Int64[np.ndarray, "copies"]
    row: Int64[np.ndarray, "copies"]
    length: Int64[np.ndarray, "copies"]
    ends: dict[int, tuple[int, int]]

    def ids(self, copy: int, corpus: TokenisedCorpus, mask_id: int) -> list[int]:
        """Token ids of one copy."""
        found = list(corpus.sequences[self.sequence[copy]])
        if self.position[copy] != NOTHING:
            found[self.position[copy]] = mask_id
        return found


def masked_copies(corpus: TokenisedCorpus) -> Copies:
    """The copies that the kept tokens need, those of one sequence next to each other.

    A token between the first and the last needs the copy in which it is masked. The first and
    the last are never masked; where one is kept, all n - 2 copies of its sequence are made.
    A sequence of one or two tokens has a single copy, as it is.
    """
    positions = corpus.kept["position"].to_numpy()
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    ends: dict[int, tuple[int, int]] = {}
    sequence: list[int] = []
    for number, rows in corpus.rows.items():
        length = len(corpus.sequences[number])
        row = np.full(length, NOTHING)
        row[positions[rows]] = rows
        last = NOTHING if length == 1 else int(row[-1])
        inner = np.arange(1, length - 1)
        if row[0] != NOTHING or last != NOTHING:
            ends[number] = (int(row[0]), last)
        if length <= 2:
            parts.append((np.array([NOTHING]), np.array([NOTHING])))
        else:
            masked = inner if number in ends else inner[row[inner] != NOTHING]
            parts.append((masked, row[masked]))
        sequence += [number] * len(parts[-1][0])
    position, row = (np.concatenate(part) for part in zip(*parts, strict=True))
    lengths = np.array([len(corpus.sequences[number]) for number in sequence])
    return Copies(np.array(sequence), position, row, lengths, ends)


class EndMeans:
    """Means of the states at the ends of sequences over all copies, as the copies come in.

    Sums are float64, so that the size of batches moves no more than the last digits.
    """

    def __init__(self, copies: Copies) -> None:
        self.copies = copies
        self.sums: dict[int, Float64[np.ndarray, "layers 2 width"]] = {}
        self.seen: dict[int, int] = {}

    def finished(
        self, passed: Passed, part: Int64[np.ndarray, "part"]
    ) -> Iterator[tuple[Int64[np.ndarray, "rows"], Float32[np.ndarray, "layers rows width"]]]:
        """Rows and states at the ends of each sequence that is complete.

        `part` are the copies that `passed` is of.
        """
        sequence = self.copies.sequence[part]
        own = np.flatnonzero([number in self.copies.ends for number in sequence])
        if not len(own):
            return
        last = self.copies.length[part][own] - 1
        states = np.stack([passed.at(own, np.zeros_like(own)), passed.at(own, last)], axis=1)
        starts = np.flatnonzero(np.diff(sequence[own], prepend=NOTHING))
        sums = np.add.reduceat(states, starts, axis=2, dtype=np.float64)
        counts = np.diff(starts, append=len(own))
        for i, start in enumerate(starts):
            number = int(sequence[own[start]])
            self.sums[number] = self.sums.get(number, 0.0) + sums[:, :, i]
            self.seen[number] = self.seen.get(number, 0) + int(counts[i])
            if self.seen[number] == max(1, last[start] - 1):
                mean = self.sums.pop(number) / self.seen.pop(number)
                rows = np.array(self.copies.ends[number])
                kept = rows != NOTHING
                yield rows[kept], mean[:, kept].astype(np.float32)


class MaskedTokenStates(ForwardPass):
    """Hidden states of the kept tokens, each where it is masked (`embed.mode: masked_token`).

    The first and the last token have the mean over the copies of their sequence.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        device: str,
        dtype: torch.dtype,
        pad_id: int,
        layers: list[int],
        mask_id: int,
        half: str = "",
        points: Points = RESIDUAL,
    ) -> None:
        super().__init__(model, device, dtype, pad_id, layers, half, points)
        self.mask_id = mask_id

    def write(
        self,
        corpus: TokenisedCorpus,
        settings: Embed,
        arrays: Arrays,
        losses: Losses | None,
        what: str,
    ) -> None:
        """Fill `arrays` (`[tokens, width]` by file name) and `losses` (`[tokens]`, nat).

        The loss is minus the log-probability of a token where it is masked; their sum over a
        sequence is minus its pseudo-log-likelihood. First and last tokens have none (NaN).
        A batch holds copies of several sequences, or some of the copies of a long one.
        """
        copies = masked_copies(corpus)
        print(f"{what}: {len(copies.row):,} copies with a masked token", flush=True)
        ends = EndMeans(copies)
        if losses is not None:
            losses[:] = np.nan
        for batch in progress(list(batches(copies.length, settings.batch_tokens)), what):
            sequences = [copies.ids(copy, corpus, self.mask_id) for copy in batch]
            for passed in self.run(sequences, losses=losses is not None):
                part = batch[passed.part]
                kept = np.flatnonzero(copies.row[part] != NOTHING)
                rows, positions = copies.row[part][kept], copies.position[part][kept]
                store(arrays, rows, passed.at(kept, positions), settings)
                for at_ends, means in ends.finished(passed, part):
                    store(arrays, at_ends, means, settings)
                if losses is not None and len(rows):
                    targets = corpus.kept["token_id"].to_numpy()[rows]
                    losses[rows] = self.losses(passed, kept, positions, targets)
