"""Overfitting of a language model: next words of speeches, of a little text or of plenty."""

import numpy as np

from lm_geometry.models.arithmetic.model import Architecture
from lm_geometry.studies.signals.family import Family, Setting, lasting_rise
from lm_geometry.studies.signals.observed import Probe, Texts, Training
from lm_geometry.studies.signals.speeches import WORDS, divided, speeches
from lm_geometry.studies.signals.text_model import SIZES, Learning, made
from lm_geometry.workspace.seeds import stream

LENGTH, HELD_OUT, PROBED, BATCH, BUDGET = 32, 400, 63, 32, 1000


def start(setting: Setting, seed: int) -> Training:
    """A decoder from random weights on a share of the words of the speeches not held out."""
    learned, held_out = divided(seed)
    every, validation = _texts(learned, seed), _texts(held_out, seed).first(HELD_OUT)
    train = every.first(round(setting["text_share"] * len(every)))
    model = made(Architecture(elements=WORDS, **SIZES), LENGTH, "words", WORDS, seed)
    learning = Learning(
        model, train, BATCH, setting["learning_rate"], setting["weight_decay"], seed
    )
    probe = Probe.of(validation.first(PROBED), causal=True)
    return Training(model, train, validation, probe, learning.advance, seed)


def _texts(numbers: list[int], seed: int) -> Texts:
    """Pieces of 33 words of whole speeches, in a drawn order: 32 to see, and each one's next."""
    pieces, documents = [], []
    for number in numbers:
        words = np.concatenate(speeches()[number].paragraphs)
        count = len(words) // (LENGTH + 1)
        pieces.append(words[: count * (LENGTH + 1)].reshape(count, LENGTH + 1))
        documents += [number] * count
    rows = np.concatenate(pieces)
    order = stream(seed, "pieces").permutation(len(rows))
    rows = rows[order]
    ids, targets = (np.ascontiguousarray(part) for part in (rows[:, :-1], rows[:, 1:]))
    return Texts(ids, targets, np.array(documents)[order])


FAMILY = Family(
    name="language_model",
    title="Overfitting of a language model",
    happens="overfits",
    varied=("text_share", "weight_decay", "learning_rate"),
    budget=BUDGET,
    every=BUDGET // 50,
    start=start,
    event=lasting_rise,
    constants={"length": LENGTH, "held_out": HELD_OUT, "probed": PROBED, "batch": BATCH, **SIZES},
    megabytes=13.0,
)
