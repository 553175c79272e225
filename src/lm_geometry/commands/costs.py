"""`lm-geometry costs`: time, disk and memory of a run on this machine, and nothing run."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.overrides import takes_overrides


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry costs    # of make repro",
        "lm-geometry costs -S model.name=minilm -S data_prep.sequences=400",
        "lm-geometry costs --from examples/quick.yaml --processor",
    ),
)
@takes_overrides
@click.option(
    "--processor",
    is_flag=True,
    help="processor seconds, which other work on the machine lengthens less than the clock's",
)
def command(overrides: tuple[str, ...], files: tuple[Path, ...], processor: bool) -> None:
    """Tell about how long a run takes here, with its disk and memory, from a short calibration.

    The model itself is measured for some ten seconds, beside the imports: passes, steps of
    training, prompts, and a made-up cloud of its width; the rest is counted from the parameters.
    """
    from lm_geometry.experiments.asked import asked, with_files
    from lm_geometry.experiments.costs.told import told

    params = asked(with_files(overrides, files)).params
    print(told(params, "processor" if processor else "clock"))
