"""Signals are found by what modules declare, and read step by step without a look ahead."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lm_geometry.signals import (
    Reader,
    Signal,
    TrainingStep,
    looked_back,
    of_weights,
    registry,
    signal_named,
    signals,
)
from lm_geometry.signals.training_step import HAS

ROOT = Path(__file__).resolve().parents[2]


def step_of(step: int, seed: int = 0) -> TrainingStep:
    """All that a loop may have, tiny."""
    rng = np.random.default_rng([seed, step])
    base = np.random.default_rng(seed)
    weights = {"w": rng.standard_normal((16, 14)), "b": rng.standard_normal(14)}
    return TrainingStep(
        step,
        states=rng.standard_normal((150, 24)),
        base_states=base.standard_normal((150, 24)),
        sequences=np.repeat(np.arange(5), 30),
        classes=np.arange(150) % 4,
        activations=rng.standard_normal((150, 9)),
        weights=weights,
        base_weights={name: np.zeros_like(array) for name, array in weights.items()},
        gradients=weights,
        previous_gradients={name: array / 2 for name, array in weights.items()},
        example_gradients=rng.standard_normal((12, 9)),
        example_losses=rng.random(20),
        training_loss=float(rng.random()),
        validation_loss=float(rng.random()),
    )


def test_there_are_signals_of_every_kind() -> None:
    there = signals()
    assert len(there) >= 30
    assert {signal.labels for signal in there.values()} == {"none", "training", "held_out"}
    for name in ("local_dimension", "d2l_turning_point", "gsnr", "ildr", "hankel_dmd_residual"):
        assert signal_named(name).name == name
    with pytest.raises(ValueError, match="'lid' is no signal; there are activation_novelty, "):
        signal_named("lid")


@pytest.mark.parametrize("signal", signals().values(), ids=lambda signal: signal.name)
def test_a_function_takes_what_its_signal_says(signal: Signal) -> None:
    parameters = inspect.signature(signal.function).parameters.values()
    needed = {one.name for one in parameters if one.default is one.empty}
    assert needed == {*signal.needs, *signal.past}
    function = getattr(signal.function, "func", signal.function)
    told = inspect.getdoc(function) or ""
    for word in ("Source:", "Raises ValueError"):
        assert word in told, word
    assert "Cost:" in told or "no cost" in told or "an evaluation" in told
    assert " labels" in told


def test_every_signal_stands_in_the_page_with_whose_labels_it_uses() -> None:
    rows = {}
    for line in (ROOT / "docs" / "signals.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.replace(r"\|", "").strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            rows[cells[0].strip("`")] = cells[1]
    words = {"none": "none", "training": "training", "held_out": "held out"}
    assert rows == {name: words[signal.labels] for name, signal in signals().items()}


@pytest.fixture
def also_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are signals of weights too, for the length of a test."""
    with monkeypatch.context() as patched:
        patched.setattr(of_weights, "__path__", [*of_weights.__path__, str(tmp_path)])
        registry.signals.cache_clear()
        yield tmp_path
    registry.signals.cache_clear()


def test_a_file_is_enough_to_add_a_signal(also_here: Path) -> None:
    assert "largest_weight" not in signals()
    (also_here / "largest_weight.py").write_text(
        "from lm_geometry.signals.declaration import Signal\n"
        "def largest(weights):\n"
        "    return max(float(abs(array).max()) for array in weights.values())\n"
        "LARGEST = Signal('largest_weight', largest, 'none', 'a test', 'O(parameters)',"
        " ('weights',))\n"
    )
    registry.signals.cache_clear()
    step = TrainingStep(3, weights={"a": np.array([1.0, -4.0])})
    assert Reader(["largest_weight"]).read(step) == {"largest_weight": 4}


def test_two_signals_of_one_name_are_refused(also_here: Path) -> None:
    declared = "from lm_geometry.signals.declaration import Signal\n"
    declared += "A = Signal('rankme', len, 'none', '', '', ('weights',))\n"
    (also_here / "second_rankme.py").write_text(declared)
    with pytest.raises(ValueError, match="another signal is named rankme"):
        signals()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "Rank Me"}, "name is 'Rank Me'"),
        ({"needs": ("state",)}, r"x needs \['state'\]; a training step has step, states"),
        ({"needs": ()}, "x needs nothing"),
        ({"labels": "some"}, "labels is 'some'"),
        ({"range": (1.0, 1.0)}, "range is"),
        ({"published": 2.0}, "a published threshold is one of the level"),
    ],
)
def test_a_wrong_declaration_is_refused(wrong: dict[str, object], told: str) -> None:
    right: dict[str, object] = {"name": "x", "needs": ("states",), "labels": "none"}
    with pytest.raises(ValueError, match=told):
        Signal(function=len, source="", cost="", **(right | wrong))  # pyright: ignore[reportArgumentType]


def test_all_signals_are_read_within_their_ranges_and_those_without_needs_are_not() -> None:
    reader = Reader()
    for step in range(24):
        found = reader.read(step_of(step))
        if step in (0, 23):
            assert found.keys() == signals().keys()
        for name, value in found.items():
            low, high = signals()[name].range
            assert np.isnan(value) or low <= value <= high, (name, value)
    assert not any(np.isnan(value) for value in found.values())
    few = Reader().read(TrainingStep(0, training_loss=1.0))
    assert few.keys() == {"training_loss", "training_loss_slope"}
    assert Reader(["gsnr"]).read(TrainingStep(0, training_loss=1.0)) == {}


def test_what_looks_back_sees_only_steps_that_have_been() -> None:
    names = ["d2l_turning_point", "training_loss_slope", "hankel_dmd_residual"]
    steps = [step_of(step) for step in range(0, 46, 2)]
    reader = Reader(names)
    read = [reader.read(step) for step in steps]
    series = {
        "step": np.array([step.step for step in steps]),
        "training_loss": np.array([step.training_loss for step in steps]),
        "example_losses": np.array([step.example_losses for step in steps]),
        "d2l_dimension": np.array(
            [Reader(["d2l_dimension"]).read(s)["d2l_dimension"] for s in steps]
        ),
    }
    for name in names:
        back = looked_back(signal_named(name), series)
        np.testing.assert_array_equal(back, [values[name] for values in read])
    with pytest.raises(ValueError, match="needs more than its past"):
        looked_back(signal_named("rankme"), series)
    with pytest.raises(ValueError, match="series has no gradient_norm"):
        looked_back(signal_named("gradient_acceleration"), series)
    with pytest.raises(ValueError, match="different lengths"):
        looked_back(signal_named("training_loss_slope"), series | {"step": np.arange(3)})


def test_a_reader_goes_forward() -> None:
    reader = Reader(["training_loss"])
    reader.read(TrainingStep(5, training_loss=1.0))
    with pytest.raises(ValueError, match="step is 5; it must come after the last, 5"):
        reader.read(TrainingStep(5, training_loss=1.0))


def test_needs_are_fields_of_a_step() -> None:
    assert all(hasattr(TrainingStep(0), name) for name in HAS)
