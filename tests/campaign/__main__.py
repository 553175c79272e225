"""`python -m tests.campaign`: kills, faults, attacks, parameter files and clouds; one table.

The same seed draws the same trials, of which `--share` takes the first. What a run did stands in
.scratch/campaign/trials.jsonl, so that `--resume` goes on with it.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import tests.conftest  # noqa: F401  (the settings of every test)
from lm_geometry.workspace.section import ROOT
from tests.campaign.ground import Ground
from tests.campaign.kinds import GROUPS, KINDS, Kind
from tests.campaign.trials import Log, Trial, table

LOG = ROOT / ".scratch" / "campaign" / "trials.jsonl"
PAGE = ROOT / "docs" / "reliability.md"
PLACE = re.compile(r"(<!-- from `make campaign` -->\n).*?(<!-- end of the campaign -->)", re.DOTALL)
SHOWN = ("lost", "wrong", "not run")


def main(words: list[str] | None = None) -> None:
    """Run what is asked for; raises SystemExit with 1 where something was lost or wrong."""
    asked = _asked(words)
    log = Log(asked.log, asked.seed, asked.resume)
    reasons: dict[str, str] = {}
    chosen = [kind for kind in KINDS if not asked.only or {kind.group, kind.name} & {*asked.only}]
    with tempfile.TemporaryDirectory(prefix="campaign-", ignore_cleanup_errors=True) as folder:
        place = Path(asked.folder or folder) / "ground"
        with Ground(place, asked.seed) as ground:
            for kind in chosen:
                if why := kind.missing():
                    reasons[kind.name] = why
                else:
                    _run(kind, asked.share, log, ground)
    order = [kind.name for kind in KINDS]
    trials = sorted(log.trials, key=lambda trial: order.index(trial.kind))
    found = f"Seed {asked.seed}; share {asked.share:g} of all.\n\n{table(trials, reasons)}"
    print(found)
    if asked.write:
        write(found)
    if any(trial.outcome in ("lost", "wrong") for trial in log.trials):
        raise SystemExit(1)


def _asked(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials of each kind")
    names = [*GROUPS, *(kind.name for kind in KINDS)]
    parser.add_argument("--only", nargs="+", choices=names, metavar="KIND", help=", ".join(names))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="keep the trials that are there")
    parser.add_argument("--write", action="store_true", help="the table into docs/reliability.md")
    parser.add_argument("--log", type=Path, default=LOG, help="default: .scratch/campaign")
    parser.add_argument("--folder", help="of projects; those of what was lost or wrong stay there")
    found = parser.parse_args(words)
    if not 0 < found.share <= 1:
        parser.error(f"--share: {found.share} is no share above 0 up to 1")
    return found


def _run(kind: Kind, share: float, log: Log, ground: Ground) -> None:
    numbers = log.missing(kind.name, max(1, round(share * kind.number)))
    if not numbers:
        return
    began, seen = time.monotonic(), Counter[str]()
    try:
        for trial in log.add(kind.make(ground, numbers)):
            seen[trial.outcome] += 1
            _tell(trial)
    finally:
        counts = ", ".join(f"{number} {outcome}" for outcome, number in seen.items())
        print(f"{kind.name}: {counts} in {time.monotonic() - began:.0f} s", flush=True)


def _tell(trial: Trial) -> None:
    if trial.outcome in SHOWN:
        print(f"{trial.outcome}: {trial.kind} {trial.number}: {trial.told}", flush=True)


def write(found: str) -> None:
    """Put the table in its place on the page."""
    text = PAGE.read_text(encoding="utf-8")
    if not PLACE.search(text):
        raise ValueError(f"{PAGE} has no place for the table")
    PAGE.write_text(PLACE.sub(lambda m: f"{m[1]}{found}{m[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
