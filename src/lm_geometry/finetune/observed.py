"""What a training is watched by: code of other rooms, which the stage's script hands in.

This room imports none of them, for an edit of what only looks on must train nothing anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from transformers import PreTrainedTokenizerBase, TrainerCallback

from lm_geometry.finetune.measured import MeasuredGeometry
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.watch_params import Watch
from lm_geometry.outs.data_prep.corpora import Columns


@dataclass(frozen=True)
class HeldOutTexts:
    """Texts that are measured, as the training reads them: `rows` cut to `max_tokens` tokens.

    `rows` have `text`, `document`, and `context` where data-prep made contexts. `half` is that of
    an encoder-decoder. `folder` is where what a resume needs is kept.
    """

    rows: Columns
    tokenizer: PreTrainedTokenizerBase
    max_tokens: int
    half: str
    folder: Path


class Observer(Protocol):
    """Measures a model in training and changes nothing of it."""

    @property
    def code(self) -> str:
        """Hash of the code that measures, which the stage's dependencies do not name."""
        ...

    def callback(self, asked: Watch, texts: HeldOutTexts) -> TrainerCallback:
        """A callback whose measurements are in the Trainer's log."""
        ...

    def measured(self, entry: Mapping[str, float]) -> list[MeasuredGeometry]:
        """What an entry of that log holds of it; the same entry gives the same list."""
        ...


Observing = Callable[[], Observer]  # which loads that code


def held_out_texts(
    settings: Finetune,
    held_out: Columns,
    tokenizer: PreTrainedTokenizerBase,
    half: str,
    folder: Path,
) -> HeldOutTexts:
    """The first sequences of the held-out split that the task reads, as many as are asked for.

    Of dialogue_state these are the user turns that have a state, and of classes of sequences those
    that have one: of others nothing is learned.
    """
    assert isinstance(settings.watch, Watch)  # which the caller looked at
    needed = {"dialogue_state": "state", "sequence_classification": "label"}.get(settings.task)
    columns = cast("dict[str, list[object]]", held_out)
    texts = columns["text"]
    if settings.task == "token_classification" and "words" in held_out:
        texts = [" ".join(words) for words in held_out["words"]]  # as it is trained on
    read = [place for place in range(len(texts)) if needed is None or columns[needed][place]]
    chosen = read if settings.watch.sequences == "all" else read[: settings.watch.sequences]
    there = {name: columns[name] for name in ("document", "context") if name in columns}
    rows = {name: [own[p] for p in chosen] for name, own in ({"text": texts} | there).items()}
    return HeldOutTexts(cast("Columns", rows), tokenizer, settings.block_tokens, half, folder)
