"""How every script of stages/ begins and ends."""

import contextlib
import os
import time
from collections.abc import Iterator

from lm_geometry.workspace.cells import clear_saved, forget_opened
from lm_geometry.workspace.faults import sentences
from lm_geometry.workspace.inputs import InputsChangedError, unchanged
from lm_geometry.workspace.machine import is_worker
from lm_geometry.workspace.printing import print_any_character
from lm_geometry.workspace.progress import under_way

LONG = 5.0  # seconds of a stage that says when it ends, as DVC then says nothing for a while


@contextlib.contextmanager
def running(stage: str) -> Iterator[None]:
    """Runs the block as a stage of dvc.yaml.

    Wrong input ends it with a sentence (`faults`), as does an edit of what the stage depends on
    while it ran (`inputs`). Cells of earlier stages that DVC saved are forgotten before. What tells
    nothing of how far it is tells at least how long it takes. A worker leaves all that to the
    process that it works for.
    """
    print_any_character()
    with sentences():
        if is_worker():
            with unchanged(stage):
                yield
            return
        clear_saved()
        begun = time.monotonic()
        try:
            with under_way(stage), unchanged(stage):
                yield
        except InputsChangedError as error:
            if not error.cells_stand:
                forget_opened()
            raise
        if (seconds := time.monotonic() - begun) >= LONG:
            saved = "; DVC saves what it wrote" if "DVC_STAGE" in os.environ else ""
            print(f"{stage}: done in {seconds:.0f} s{saved}", flush=True)
