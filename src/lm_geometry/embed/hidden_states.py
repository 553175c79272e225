"""Hidden states of a corpus split, streamed to disk in batches of similar length."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from lm_geometry.embed.forward_pass import ForwardPass, Passed, batches
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.workspace.progress import progress


@runtime_checkable
class Writable(Protocol):
    """What states `[rows, stored_width]` are written to, by rows of the token table."""

    def __setitem__(
        self, rows: Int64[np.ndarray, "rows"], vectors: Float32[np.ndarray, "rows width"], /
    ) -> None: ...


Arrays = Mapping[str, Writable]  # memory maps, or what compares and drops, by file name
Losses = Float32[np.ndarray, "kept"]


class HiddenStates(ForwardPass):
    """Hidden states of the kept tokens, each seen in its whole sequence (`embed.mode: regular`)."""

    def write(
        self,
        corpus: TokenisedCorpus,
        settings: Embed,
        arrays: Arrays,
        losses: Losses | None,
        what: str,
    ) -> None:
        """Fill `arrays` (`[tokens, width]` by file name) and `losses` (`[tokens]`, nat).

        The loss is the cross-entropy of a token given those before it, for causal models; the
        first token of a sequence has none (NaN).
        """
        numbers = list(corpus.rows)
        lengths = np.array([len(corpus.sequences[number]) for number in numbers])
        passes = [[numbers[i] for i in b] for b in batches(lengths, settings.batch_tokens)]
        self.pass_through(passes, corpus, settings, arrays, losses, what)

    def pass_through(
        self,
        passes: list[list[int]],
        corpus: TokenisedCorpus,
        settings: Embed,
        arrays: Arrays,
        losses: Losses | None,
        what: str,
    ) -> None:
        """As `write`, of the sequences of some `passes` alone, each a batch of their numbers."""
        rows = corpus.rows
        for own in progress(passes, what):
            sequences = [corpus.sequences[number] for number in own]
            for passed in self.run(sequences, losses=losses is not None):
                kept = [rows[number] for number in own[passed.part]]
                self._write(passed, kept, corpus, settings, arrays, losses)

    def _write(
        self,
        passed: Passed,
        kept: list[Int64[np.ndarray, "_"]],
        corpus: TokenisedCorpus,
        settings: Embed,
        arrays: Arrays,
        losses: Losses | None,
    ) -> None:
        """Store what was computed of some sequences, given the rows `kept` of each."""
        rows = np.concatenate(kept)
        sequences = np.repeat(np.arange(len(kept)), [len(own) for own in kept])
        positions = corpus.kept["position"].to_numpy()[rows]
        store(arrays, rows, passed.at(sequences, positions), settings)
        if losses is not None:
            later = positions > 0
            losses[rows[~later]] = np.nan
            targets = corpus.kept["token_id"].to_numpy()[rows[later]]
            predicting = sequences[later], positions[later] - 1
            losses[rows[later]] = self.losses(passed, *predicting, targets)


def store(
    arrays: Arrays,
    rows: Int64[np.ndarray, "tokens"],
    states: Float32[np.ndarray, "layers tokens width"],
    settings: Embed,
) -> None:
    """Write states into `rows` of the arrays, combined as asked."""
    for array, vectors in zip(arrays.values(), combined(states, settings), strict=True):
        array[rows] = vectors


def combined(
    states: Float32[np.ndarray, "layers tokens width"], settings: Embed
) -> list[Float32[np.ndarray, "tokens stored_width"]]:
    """States as the arrays that are stored, one per layer or one in all.

    `mean` averages the layers, `concatenate` puts them side by side in the listed order; `l2`
    then gives each vector length 1 (a zero vector stays).
    """
    if settings.combine_layers == "mean":
        states = states.mean(axis=0, keepdims=True)
    elif settings.combine_layers == "concatenate":
        states = np.concatenate(list(states), axis=-1)[None]
    if settings.normalise == "l2":
        norms = np.linalg.norm(states, axis=-1, keepdims=True)
        states = states / np.where(norms == 0, 1, norms).astype(np.float32)
    return list(states)
