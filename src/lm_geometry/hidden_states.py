"""Hidden states of a corpus split, streamed to disk in batches of similar length."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from lm_geometry.params.embed import Embed
from lm_geometry.progress import progress

SPECIAL = ("bos", "eos", "pad", "cls", "sep", "mask", "unk")
LOSS_CHUNK = 1024  # tokens whose logits are in memory at once


@dataclass(frozen=True)
class TokenisedCorpus:
    """Token ids of every sequence, and the table of the tokens that are kept."""

    sequences: list[list[int]]
    kept: pd.DataFrame

    @property
    def rows(self) -> dict[int, npt.NDArray[np.int64]]:
        """Row numbers of the kept tokens of each sequence that has any."""
        return {int(str(key)): rows for key, rows in self.kept.groupby("sequence").indices.items()}


def tokenise(
    corpus: pd.DataFrame,
    tokenizer: Any,
    settings: Embed,
    generator: np.random.Generator,
) -> TokenisedCorpus:
    """Token ids of the texts, cut to `max_length`, and the `keep_tokens` rows drawn from them.

    `corpus` has the columns `text` and `document`. The table has a row per kept token, in the
    order of the text: `sequence`, `position`, `document`, `token_id`, `token`, `special`, what
    the token is to the tokenizer (`bos,eos`, or nothing), and the boolean columns of the corpus.
    Raises ValueError where no text has a token.
    """
    texts = corpus["text"].tolist()
    if settings.prefix_space:  # not the tokenizer's own setting, which few classes heed
        texts = [f" {text}" if text and not text.startswith(" ") else text for text in texts]
    ids = tokenizer(texts, truncation=True, max_length=settings.max_length)["input_ids"]
    lengths = np.array([len(sequence) for sequence in ids])
    total = int(lengths.sum())
    if not total:
        raise ValueError("there is no token in any of the corpus's sequences")
    rows = np.arange(total)
    if settings.keep_tokens != "all" and settings.keep_tokens < total:
        rows = np.sort(generator.choice(total, settings.keep_tokens, replace=False))
    sequence = np.repeat(np.arange(len(ids)), lengths)[rows]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    token_ids = np.concatenate([np.asarray(one, dtype=np.int64) for one in ids if one])[rows]
    table = pd.DataFrame(
        {
            "sequence": sequence,
            "position": rows - starts[sequence],
            "document": corpus["document"].to_numpy(dtype=object)[sequence],
            "token_id": token_ids,
            "token": tokenizer.convert_ids_to_tokens(token_ids.tolist()),
        }
    )
    special = _special_names(tokenizer)
    table["special"] = [special.get(token_id, "") for token_id in token_ids.tolist()]
    for name in corpus.columns.difference(table.columns):
        if corpus[name].dtype == bool:
            table[name] = corpus[name].to_numpy()[sequence]
    return TokenisedCorpus(ids, table)


def _special_names(tokenizer: Any) -> dict[int, str]:
    names: dict[int, list[str]] = {}
    for name in SPECIAL:
        token_id = getattr(tokenizer, f"{name}_token_id", None)
        if token_id is not None:
            names.setdefault(token_id, []).append(name)
    return {token_id: ",".join(found) for token_id, found in names.items()}


def batches(lengths: dict[int, int], batch_tokens: int) -> Iterator[list[int]]:
    """Sequence numbers in batches of similar length, each of at most `batch_tokens` with padding.

    The longest come first, so that memory runs out at once or never. A sequence longer than
    `batch_tokens` makes a batch of its own.
    """
    order = sorted(lengths, key=lambda i: (lengths[i], i), reverse=True)
    batch: list[int] = []
    longest = 0
    for number in order:
        longest = max(longest, lengths[number])
        if batch and longest * (len(batch) + 1) > batch_tokens:
            yield batch
            batch, longest = [], lengths[number]
        batch.append(number)
    if batch:
        yield batch


class HiddenStates:
    """Forward passes of one model, of which only the asked layers and tokens are kept."""

    def __init__(
        self, model: Any, device: str, dtype: torch.dtype, pad_id: int, layers: list[int]
    ) -> None:
        self.model = model.to(device=device, dtype=dtype)
        self.device = device
        self.pad_id = pad_id
        self.layers = layers

    def write(
        self,
        corpus: TokenisedCorpus,
        settings: Embed,
        arrays: dict[str, np.memmap],
        losses: npt.NDArray[np.float32] | None,
        what: str,
    ) -> None:
        """Fill `arrays` (`[tokens, width]` by file name) and `losses` (`[tokens]`, nat)."""
        rows = corpus.rows
        positions = corpus.kept["position"].to_numpy()
        lengths = {number: len(corpus.sequences[number]) for number in rows}
        todo = list(batches(lengths, settings.batch_tokens))
        for batch in progress(todo, what):
            for number, states, last in self._forward([corpus.sequences[i] for i in batch], batch):
                own = rows[number]
                vectors = combined(states[:, positions[own]], settings)
                for array, vector in zip(arrays.values(), vectors, strict=True):
                    array[own] = vector
                if losses is not None and last is not None:
                    ids = corpus.sequences[number]
                    losses[own] = self._losses(last, ids)[positions[own]]

    @torch.inference_mode()
    def _forward(
        self, sequences: list[list[int]], numbers: list[int]
    ) -> Iterator[tuple[int, npt.NDArray[np.float32], torch.Tensor]]:
        """(number, states `[layers, tokens, width]`, last state on the device) per sequence."""
        longest = max(map(len, sequences))
        ids = torch.full((len(sequences), longest), self.pad_id)
        mask = torch.zeros_like(ids)
        for i, sequence in enumerate(sequences):
            ids[i, : len(sequence)] = torch.tensor(sequence)
            mask[i, : len(sequence)] = 1
        try:
            output = self.model.base_model(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                output_hidden_states=True,
                **self._no_cache(),
            )
        except torch.cuda.OutOfMemoryError:
            if len(sequences) == 1:
                raise
            output = None
        if output is None:
            torch.cuda.empty_cache()
            half = len(sequences) // 2
            print(f"out of memory: {len(sequences)} sequences are halved", flush=True)
            yield from self._forward(sequences[:half], numbers[:half])
            yield from self._forward(sequences[half:], numbers[half:])
            return
        for i, sequence in enumerate(sequences):
            kept = [output.hidden_states[layer][i, : len(sequence)] for layer in self.layers]
            states = torch.stack(kept).float().cpu().numpy()
            yield numbers[i], states, output.last_hidden_state[i, : len(sequence)]

    def _no_cache(self) -> dict[str, bool]:
        return {"use_cache": False} if hasattr(self.model.config, "use_cache") else {}

    @torch.inference_mode()
    def _losses(self, last: torch.Tensor, ids: list[int]) -> npt.NDArray[np.float32]:
        """Next-token cross-entropy `[tokens]` of each token; the first has none (NaN).

        Logits are made for `LOSS_CHUNK` positions at a time, and upcast to float32. The soft cap
        of models that have one (Gemma 2) is applied.
        """
        targets = torch.tensor(ids[1:], device=last.device)
        losses = np.full(len(ids), np.nan, dtype=np.float32)
        head = self.model.get_output_embeddings()
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        for start in range(0, len(targets), LOSS_CHUNK):
            chunk = slice(start, start + LOSS_CHUNK)
            logits = head(last[:-1][chunk]).float()
            if cap:
                logits = cap * torch.tanh(logits / cap)
            loss = torch.nn.functional.cross_entropy(logits, targets[chunk], reduction="none")
            losses[1:][chunk] = loss.cpu().numpy()
        return losses


def combined(states: npt.NDArray[np.float32], settings: Embed) -> list[npt.NDArray[np.float32]]:
    """States `[layers, tokens, width]` as the arrays that are stored, one per layer or one in all.

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
