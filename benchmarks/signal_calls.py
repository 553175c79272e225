"""What a call every 50 steps adds to the training loop of grokking: a table in Markdown.

    python benchmarks/signal_calls.py [--steps 50] [--repeat 5]

The loop is that of the study `grokking_small` (p = 59, one layer, every equation at every step),
whose steps are the shortest of any study. A call has the forward pass of the probe and the signals
named: the local dimension alone, all of states, or all that there are, with gradients of 64
examples. On one thread, in processor seconds; the least of `--repeat`, after a call that compiles.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import measured
import torch
from threadpoolctl import threadpool_limits

from lm_geometry.signals import Reader, TrainingStep, signals
from lm_geometry.studies.signals.families import grokking
from lm_geometry.studies.signals.kept_run import KeptRun
from lm_geometry.studies.signals.observed import Probe, Training
from lm_geometry.studies.signals.reading import Readings

SETTING = {"train_fraction": 0.5, "weight_decay": 1.0, "learning_rate": 3e-3}
EQUATIONS = (125, 250, 500)  # of the probe, of four tokens each
FIELDS = {"states", "base_states", "sequences", "classes", "neighbours"}
OF_STATES = [name for name, s in signals().items() if set(s.needs) <= FIELDS and not s.past]
READ = {"local dimension": ["local_dimension"], "all of states": OF_STATES, "all": None}


def call(training: Training, names: list[str] | None) -> Callable[[], object]:
    """What is done at a measured step; states alone are looked at where no signal needs more."""
    probe, base = training.probe, training.states()[0]
    tokens = probe.distinct
    assert probe.classes is not None
    fixed: dict[str, Any] = {"sequences": probe.sequences[tokens], "classes": probe.classes[tokens]}

    def all_of_it() -> object:
        kept, seen = KeptRun.of(training), training.observe()
        kept.add(seen)
        return Readings().read(kept, seen)

    def of_states() -> object:
        states = training.states()[0][tokens]
        step = TrainingStep(0, states=states, base_states=base[tokens], **fixed)
        return Reader(names).read(step)

    return all_of_it if names is None else of_states


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50, help="from one call to the next")
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    clock, rows = measured.clock_for(1), []
    training = grokking.start(SETTING, 100)
    training.advance(10)
    alone = measured.seconds(lambda: training.advance(given.steps), given.repeat, clock)[0]
    for count in EQUATIONS:
        training.probe = Probe.of(training.validation.first(count), causal=True)
        for told, names in READ.items():
            work = call(training, names)
            work()
            training.model.train()
            took = measured.seconds(work, given.repeat, clock)[0]
            tokens = f"{training.probe.distinct.sum():,} of {training.probe.distinct.size:,}"
            rows.append((tokens, told, f"{1000 * took:.0f}", f"{100 * took / alone:.0f}"))
    print(f"{given.steps} steps of p = 59: {1000 * alone:.0f} ms\n")
    print(measured.table(("tokens", "signals", "ms a call", "% of the loop"), rows))


if __name__ == "__main__":
    main()
