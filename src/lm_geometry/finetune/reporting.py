"""Trackers that follow a run while it goes on; they see its numbers and change none."""

import contextlib
import os
from collections.abc import Iterator

from lm_geometry.finetune.params import Finetune
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine


@contextlib.contextmanager
def reporting(settings: Finetune, source: ModelSource) -> Iterator[None]:
    """The environment in which the trackers of `finetune.report_to` name and store the run.

    The run bears the name of the DVC experiment, else of its model, task and seed. TensorBoard's
    files are kept below `runs` in the scratch folder unless TENSORBOARD_LOGGING_DIR says where.
    Raises SystemExit, one sentence, for a tracker that is unknown or not installed.
    """
    if not settings.report_to:
        yield
        return
    _are_installed(settings.report_to)
    own = f"{source.name}-{settings.task}-seed{settings.seed}"
    name = os.environ.get("DVC_EXP_NAME") or own
    wanted = {
        "WANDB_NAME": name,
        "TENSORBOARD_LOGGING_DIR": str(machine.scratch() / "runs" / name),
    }
    added = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)


def _are_installed(names: list[str]) -> None:
    from transformers.integrations.integration_utils import (
        get_available_reporting_integrations,
        get_reporting_integration_callbacks,
    )

    there = get_available_reporting_integrations()
    for name in names:
        try:
            get_reporting_integration_callbacks([name])
        except ValueError as error:
            raise SystemExit(f"finetune.report_to: {error}") from None
        if name not in there:
            raise SystemExit(
                f"finetune.report_to: {name} is not installed here (pip install {name}); "
                f"installed are {', '.join(there) or 'none'}"
            )
