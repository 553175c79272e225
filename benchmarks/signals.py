"""Seconds of every signal of states on one cloud, and of one training step's other signals.

    python benchmarks/signals.py [--tokens 2000] [--width 384] [--repeat 3]

On one thread: processor seconds, the least of `--repeat`, after a call that compiles. States are
Gaussian with eigenvalues 1/rank, in sequences of 40 tokens; the neighbour graph, which signals of
neighbours share, stands in a row of its own. "all" reads every signal of states of a fresh step.
"""

import argparse

import measured
import numba
import numpy as np
from threadpoolctl import threadpool_limits

from lm_geometry.neighbours import neighbour_graph
from lm_geometry.signals import Reader, Signal, TrainingStep, signals
from lm_geometry.signals.training_step import NEAREST

OF_STATES = {"states", "base_states", "sequences", "classes", "activations", "neighbours"}


def step_of(tokens: int, width: int, number: int = 0) -> TrainingStep:
    """All that signals need: states, weights of a block of that width, gradients of 64 examples."""
    rng = np.random.default_rng(number)
    spread = np.arange(1, width + 1) ** -0.5
    states = (rng.standard_normal((tokens, width)) * spread).astype(np.float32)
    shapes = {"attention": (width, 3 * width), "out": (width, width), "mlp": (width, 4 * width)}
    weights = {name: rng.standard_normal(shape) / width for name, shape in shapes.items()}
    return TrainingStep(
        number,
        states=states,
        base_states=states + 0.1,
        sequences=np.arange(tokens) // 40,
        classes=np.arange(tokens) % 59,
        activations=states,
        weights=weights,
        base_weights={name: array + 0.1 for name, array in weights.items()},
        gradients=weights,
        previous_gradients={name: array + 0.1 for name, array in weights.items()},
        example_gradients=rng.standard_normal((64, 10000)),
        example_losses=rng.random(500),
        training_loss=1.0,
        validation_loss=1.0,
    )


def seconds_of(signal: Signal, step: TrainingStep, repeat: int) -> float:
    """Of one call; what looks back does so at 40 steps."""
    has = {need: getattr(step, need) for need in signal.needs}
    rng = np.random.default_rng(0)
    past = {
        name: rng.random((40, 500) if name == "example_losses" else 40).cumsum(axis=0)
        for name in signal.past
    }
    return measured.seconds(lambda: signal.function(**has, **past), repeat, measured.clock_for(1))[
        0
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    numba.set_num_threads(1)
    threadpool_limits(1)
    Reader().read(step_of(300, 64))  # compiles
    step, clock = step_of(given.tokens, given.width), measured.clock_for(1)
    cloud = np.asarray(step.states)
    graph = measured.seconds(lambda: neighbour_graph(cloud, NEAREST), given.repeat, clock)[0]
    rows = [("neighbour graph", "shared", graph)]
    of_states = [s for s in signals().values() if set(s.needs) <= OF_STATES and not s.past]
    fresh = iter([step_of(given.tokens, given.width, i) for i in range(given.repeat)])
    whole = measured.seconds(
        lambda: Reader([s.name for s in of_states]).read(next(fresh)), given.repeat, clock
    )[0]
    rows.append(("all of states", f"{len(of_states)} signals", whole))
    for signal in signals().values():
        kind = "states" if signal in of_states else "past" if signal.past else "other"
        rows.append((signal.name, kind, seconds_of(signal, step, given.repeat)))
    cells = [(name, kind, f"{seconds:.4f}") for name, kind, seconds in rows]
    print(f"N = {given.tokens:,}, width {given.width}, one thread, processor seconds\n")
    print(measured.table(("signal", "of", "s"), cells))


if __name__ == "__main__":
    main()
