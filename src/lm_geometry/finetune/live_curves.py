"""The curves of a training run in plots/training.json, which grow while it goes on."""

import time
from collections.abc import Callable

from lm_geometry.finetune.measured import Measured, as_run
from lm_geometry.outs.finetune.training_curves import curve_records
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json

Watch = Callable[[Callable[[], Measured]], None]

FILE = "training.json"
SECONDS = 2.0  # between two writings


class LiveCurves:
    """Writes the curves of a run on `corpus`, described by `settings`, as the run brings them.

    `dvc plots show plots/training.json` draws what is there at any moment: the file is always
    whole. Of a long run evenly chosen steps are kept, the first and the last among them.
    """

    def __init__(self, corpus: str, settings: str) -> None:
        self._corpus, self._settings = corpus, settings
        self._written = -SECONDS

    def __call__(self, so_far: Callable[[], Measured]) -> None:
        """Write what `so_far` returns, unless that was done a moment ago."""
        if time.monotonic() - self._written >= SECONDS:
            self.write(so_far())
            self._written = time.monotonic()

    def write(self, records: Measured) -> None:
        """Write the curves of `records`; the same records give the same bytes."""
        run = as_run(records, self._corpus, "", self._settings)
        write_json(paths.PLOTS / FILE, curve_records(run))
