"""`lm-geometry study signals/NAME`: the runs of a family, and what its signals told.

`signals/exhaustion` has no runs of its own: they are those of the study `exhaustion`.
"""

import signal
import sys
from collections.abc import Sequence
from math import prod

PREFIX = "signals/"
WITHOUT_RUNS = f"{PREFIX}exhaustion"


def conduct(names: Sequence[str], jobs: int, dry_run: bool) -> None:
    """Make the missing runs of each family, judge those that are whole, and write their pages."""
    from lm_geometry.studies.signals.conducting import SignalConductor
    from lm_geometry.studies.signals.definition import read_signal_study

    own = [name for name in names if name != WITHOUT_RUNS]
    conductors = [SignalConductor(name, read_signal_study(name), jobs) for name in own]
    if dry_run:
        lines = [line for one in conductors for line in one.lines()]
        if WITHOUT_RUNS in names:
            lines += [f"lm-geometry study {WITHOUT_RUNS}", "# no run to make: pages are written"]
        print("\n".join(lines))
        return
    for one in conductors:
        try:
            one.conduct()
        except KeyboardInterrupt:
            print(f"{one.name}: interrupted; the same command goes on", file=sys.stderr)
            raise SystemExit(128 + signal.SIGINT) from None
    from lm_geometry.studies.signals.every_family import judge_all

    judge_all()


def described() -> list[str]:
    """Two lines for each family's study, as `--list` prints them."""
    from lm_geometry.studies.definition import FOLDER
    from lm_geometry.workspace.section import read_yaml

    lines = []
    for path in sorted((FOLDER / "signals").glob("*.yaml")):  # unchecked, which needs no torch
        study = read_yaml(path)
        runs = study["seeds"] * prod(len(values) for values in study["settings"].values())
        minutes = f"about {study['minutes']:g} minutes of one core"
        lines.append(f"{PREFIX}{path.stem}  ({runs} runs, {minutes})")
        lines.append(f"    {study['question']}")
    lines.append(f"{WITHOUT_RUNS}  (no run: the 12 of the study exhaustion, judged)")
    lines.append("    Which signal tells that a training is exhausted? Run by run; all pages anew.")
    return lines
