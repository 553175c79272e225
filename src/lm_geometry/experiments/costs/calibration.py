"""Measures on this machine what a run does many times: `python -m` this, parameters on stdin.

It is a process of its own, so that imports are as cold as a stage's, and nothing of it stays in
memory while the experiment runs. The last line that it prints is the record of its `Rates`.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from hashlib import md5
from importlib import import_module
from pathlib import Path
from typing import Any

from lm_geometry.experiments.costs.timing import CLOCKS, Clock, timed

PARAMS = "lm_geometry.params.sections"
MODELS = "lm_geometry.embed.run"  # with torch and transformers, as data-prep and finetune have them
SOLVERS = "lm_geometry.estimate.run"
FIGURES = "lm_geometry.aggregate.run"
WRITTEN = 32_000_000  # bytes that are written and hashed once


def starts(clock: Clock) -> dict[str, float]:
    """Seconds of the processes of each stage before its work begins: its own, and of checks.

    What all stages import comes first, so that it is counted for each of them.
    """
    params, solvers, figures, models = (
        timed(clock, lambda name=name: import_module(name))[0]
        for name in (PARAMS, SOLVERS, FIGURES, MODELS)
    )
    own = dict.fromkeys(("finetune", "embed"), solvers + models)
    own |= {"data-prep": params + solvers + models, "token-sample": solvers}
    own |= {"estimate": solvers, "aggregate": solvers + figures}
    return {stage: 2 * params + seconds for stage, seconds in own.items()}


def main() -> None:
    """Measure for the parameters on stdin, by the clock that is named in the one argument."""
    clock, raw = CLOCKS[sys.argv[1]], json.load(sys.stdin)
    started = starts(clock)
    began = time.perf_counter()
    found = _measured(raw, clock)
    print(json.dumps(found | {"starts": started, "seconds": time.perf_counter() - began}))


def _measured(raw: dict[str, Any], clock: Clock) -> dict[str, Any]:
    import psutil

    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.experiments.costs.cloud_rates import cloud_rates
    from lm_geometry.experiments.costs.model_rates import model_rates
    from lm_geometry.experiments.costs.work import counted
    from lm_geometry.params.sections import Params

    params, memory = Params.of(raw), psutil.Process().memory_info().rss
    source = resolve(params.model, params.seed)
    work = counted(params, source.layers)
    of_model = asdict(model_rates(source, params, clock))
    sizes = work.points, source.width, params.embed.max_length
    os.environ["OMP_NUM_THREADS"] = "1"  # of loops: a worker of estimate has a core of its own
    of_cloud = asdict(cloud_rates(params.estimate, *sizes, clock))
    return of_model | {
        "layers": source.layers,
        "width": source.width,
        "clouds": of_cloud,
        "written": _written(clock),
        "figures": _figures(clock),
        "start_memory": memory,
    }


def _written(clock: Clock) -> float:
    content = bytes(WRITTEN)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "content"

        def write() -> None:
            file.write_bytes(content)
            md5(file.read_bytes(), usedforsecurity=False).hexdigest()

        return timed(clock, write)[0] / WRITTEN


def _figures(clock: Clock) -> float:
    """Seconds of all figures, as one of made-up rows takes; the first starts the engine."""
    import altair as alt
    import pandas as pd

    from lm_geometry.figures.export import NAMES, render

    rows = pd.DataFrame({"x": range(400), "y": range(400), "of": [n % 4 for n in range(400)]})
    chart = alt.Chart(rows).mark_line().encode(x="x", y="y", color="of:N").facet("of:N")
    first, _ = timed(clock, lambda: render(chart))
    other, _ = timed(clock, lambda: render(chart))
    return first + (len(NAMES) - 1) * other


if __name__ == "__main__":
    main()
