"""A family of tiny runs on made words, which is over in a second."""

from types import MappingProxyType

import numpy as np
import pytest

from lm_geometry.models.arithmetic.model import Architecture
from lm_geometry.studies.signals import definition, known_families
from lm_geometry.studies.signals.definition import SignalStudy
from lm_geometry.studies.signals.family import Family, Setting, lasting_rise
from lm_geometry.studies.signals.observed import Probe, Texts, Training
from lm_geometry.studies.signals.text_model import Learning, made
from lm_geometry.workspace.seeds import stream

WORDS, LENGTH, WIDTH = 12, 8, 32
SIZES = {"layers": 1, "width": WIDTH, "heads": 2, "head_width": 16, "feed_forward": 64}
SIZES |= {"dropout": 0}


def start(setting: Setting, seed: int) -> Training:
    """A classifier of `texts` random texts of random classes, which can but be learned by heart."""
    generator = stream(seed, "made texts")
    ids = generator.integers(WORDS, size=(int(setting["texts"]) + 60, LENGTH))
    every = Texts(ids, generator.integers(2, size=len(ids)), np.arange(len(ids)) // 2)
    train, validation = (
        Texts(every.ids[part], every.targets[part], every.documents[part])
        for part in (slice(60, None), slice(60))
    )
    model = made(Architecture(elements=WORDS, **SIZES), LENGTH, "class", 2, seed)
    learning = Learning(model, train, 8, setting["learning_rate"], 0.0, seed)
    probe = Probe.of(validation.first(40), causal=False)
    return Training(model, train, validation, probe, learning.advance, seed)


MADE = Family(
    name="made",
    title="Made runs",
    happens="overfits",
    varied=("texts", "learning_rate"),
    budget=40,
    every=4,
    start=start,
    event=lasting_rise,
    constants=SIZES,
    megabytes=0.2,
)


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> SignalStudy:
    """Two settings with two seeds each, of a family that is known while the test runs."""
    known = MappingProxyType({**known_families.families_by_name(), MADE.name: MADE})
    monkeypatch.setattr(known_families, "families_by_name", lambda: known)
    return definition.SignalStudy.model_validate(
        {
            "question": "Does it?",
            "minutes": 1,
            "family": "made",
            "settings": {"texts": [20, 200], "learning_rate": [0.01]},
            "seeds": 2,
            "most_seeds": 2,
        }
    )
