"""Overfitting of a classifier: which of four eras a paragraph of a speech is from."""

import numpy as np

from lm_geometry.models.arithmetic.model import Architecture
from lm_geometry.studies.signals.family import Family, Setting, lasting_rise
from lm_geometry.studies.signals.observed import Probe, Texts, Training
from lm_geometry.studies.signals.speeches import LAST_YEARS, WORDS, divided, speeches
from lm_geometry.studies.signals.text_model import SIZES, Learning, made
from lm_geometry.workspace.seeds import stream

LENGTH, HELD_OUT, PROBED, BATCH, BUDGET = 32, 400, 63, 32, 500


def start(setting: Setting, seed: int) -> Training:
    """An encoder from random weights on `texts` paragraphs; the others are of other speeches."""
    count = int(setting["texts"])
    learned, held_out = divided(seed)
    train, validation = _texts(learned, count, seed), _texts(held_out, HELD_OUT, seed)
    model = made(Architecture(elements=WORDS, **SIZES), LENGTH, "class", len(LAST_YEARS) + 1, seed)
    learning = Learning(
        model, train, BATCH, setting["learning_rate"], setting["weight_decay"], seed
    )
    probe = Probe.of(validation.first(PROBED), causal=False)
    return Training(model, train, validation, probe, learning.advance, seed)


def _texts(numbers: list[int], count: int, seed: int) -> Texts:
    """The first 32 words of `count` drawn paragraphs of these speeches."""
    there = [
        (ids[:LENGTH], speeches()[number].era, number)
        for number in numbers
        for ids in speeches()[number].paragraphs
        if len(ids) >= LENGTH
    ]
    if len(there) < count:
        raise ValueError(f"texts is {count}; these speeches have {len(there)} long enough")
    rows = [there[i] for i in stream(seed, "paragraphs").permutation(len(there))[:count]]
    ids, eras, documents = zip(*rows, strict=True)
    return Texts(np.array(ids), np.array(eras), np.array(documents))


FAMILY = Family(
    name="classifier",
    title="Overfitting of a classifier of paragraphs",
    happens="overfits",
    varied=("texts", "weight_decay", "learning_rate"),
    budget=BUDGET,
    every=BUDGET // 50,
    start=start,
    event=lasting_rise,
    constants={"length": LENGTH, "held_out": HELD_OUT, "probed": PROBED, "batch": BATCH, **SIZES},
    megabytes=13.0,
)
