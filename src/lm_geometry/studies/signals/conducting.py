"""A family's runs from the first to the last, on one machine or on several, one after another.

All runs of a family are one command, which saves each as it ends, and not an experiment of the
pipeline each: a run takes half a minute, and six stages in a clone of their own nearly as long. Git
keeps the rows of a run, and one that is in the tables is not made again, wherever it was made; DVC
keeps the states, `signal_runs/FAMILY.dvc`.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.revisions.programs import dvc
from lm_geometry.signals import signal_named, signals
from lm_geometry.studies.signals.definition import (
    RESULTS_OF_SIGNALS,
    Planned,
    SignalStudy,
    planned,
)
from lm_geometry.studies.signals.family import Family
from lm_geometry.studies.signals.kept_run import KeptRun
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.reading import can_be_read_again, read_again
from lm_geometry.studies.signals.run import make_run
from lm_geometry.studies.signals.tables import Tables
from lm_geometry.workspace.files import free_space
from lm_geometry.workspace.section import ROOT

STATES = ROOT / "signal_runs"


@dataclass(frozen=True)
class SignalConductor:
    """Makes the runs of one family's study that are missing, `jobs` at a time."""

    name: str
    study: SignalStudy
    jobs: int = 1
    results: Path = RESULTS_OF_SIGNALS
    states: Path = STATES
    tracked: bool = True  # whether DVC is given the states
    say: Callable[[str], None] = field(default=partial(print, flush=True))

    @property
    def family(self) -> Family:
        """The family of the study."""
        return family_named(self.study.family)

    @property
    def folder(self) -> Path:
        """Where its tables are."""
        return self.results / self.family.name

    def lines(self) -> list[str]:
        """What would be done, as `--dry-run` prints it."""
        missing = Tables.read(self.folder).missing(list(planned(self.study, self.study.seeds)))
        size = len(missing) * self.family.megabytes / 1000
        return [
            f"lm-geometry study {self.name}",
            f"# {len(missing)} runs to make, {size:.1f} GB of states",
            *(f"# {one.name}" for one in missing),
        ]

    def conduct(self) -> Tables:
        """The tables of all runs, made here or before; seeds are added while a kind is too rare.

        Raises ValueError where a run in the tables was made with other parameters, and OSError
        where the disk has no room for the states.
        """
        seeds = self.study.seeds
        while True:
            tables = self._made(list(planned(self.study, seeds)))
            fewest, more = min(tables.counts()), seeds + self.study.more_seeds
            if fewest >= self.study.of_each_kind or more > self.study.most_seeds:
                break
            self.say(
                f"{self.name}: {fewest} runs of the rarer kind, {self.study.of_each_kind} are "
                f"wanted: seeds {seeds} … {more - 1} of every setting are added"
            )
            seeds = more
        tables = self._read_again(tables)
        self._track(tables)
        return tables

    def _made(self, wanted: list[Planned]) -> Tables:
        """The tables with all wanted runs, saved after each."""
        tables = Tables.read(self.folder)
        missing = tables.missing(wanted)
        self.say(f"{self.name}: {len(wanted) - len(missing)} of {len(wanted)} runs are there")
        if not missing:
            return tables
        needed = round(len(missing) * self.family.megabytes * 1e6)
        free_space(needed, self.states, f"states of {len(missing)} runs of {self.family.name}")
        for done, found in enumerate(self._each(missing), 1):
            tables = tables.with_run(found)
            tables.write(self.folder, self.family.varied)
            row = found.runs.iloc[0]
            event = "no event" if np.isnan(row["event"]) else f"event at step {row['event']:g}"
            took = sum(value for name, value in row.items() if str(name).startswith("seconds_"))
            took += found.seconds["seconds"].sum()
            self.say(f"{row['run']}: {event}, {took:.0f} s ({done} of {len(missing)})")
        return tables

    def _each(self, missing: Sequence[Planned]) -> Iterator[Tables]:
        """The rows of each run, as it ends."""
        make = partial(make_run, self.family.name)
        paths = [self._path(one.name) for one in missing]
        if self.jobs == 1:
            yield from map(make, missing, paths)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, mp_context=context) as pool:
            ends = [pool.submit(make, one, path) for one, path in zip(missing, paths, strict=True)]
            try:
                for end in as_completed(ends):
                    yield end.result()
            finally:
                for end in ends:
                    end.cancel()

    def _path(self, run: str) -> Path:
        return self.states / self.family.name / f"{run}.npz"

    def _read_again(self, tables: Tables) -> Tables:
        """The tables with signals that were declared since a run was made, read of its states."""
        absent: set[str] = set()
        for run in tables.runs.loc[tables.runs["diverged"].isna(), "run"]:
            new = set(signals()) - tables.read_signals(run)
            names = sorted(name for name in new if can_be_read_again(signal_named(name)))
            absent |= new - set(names)
            if not names:
                continue
            if not self._path(run).exists():
                raise FileNotFoundError(
                    f"{', '.join(names)} would be read of {self._path(run)}, which is not here: "
                    f"`dvc pull {self.states.name}/{self.family.name}.dvc`, or make its runs anew"
                )
            tables = self._with_signals(tables, run, names)
            tables.write(self.folder, self.family.varied)
        if absent:
            self.say(
                f"not read: {', '.join(sorted(absent))}, which need more than the kept states and "
                "losses; their runs would have to be made anew"
            )
        return tables

    def _with_signals(self, tables: Tables, run: str, names: list[str]) -> Tables:
        own = rows_where(tables.steps, run=run).sort_values("step")
        table = {name: own[name].to_numpy() for name in own if name in signals()}
        rows, seconds = read_again(names, KeptRun.read(self._path(run)), table)
        self.say(f"{run}: {', '.join(names)} read of its states")
        values = pd.DataFrame(rows).assign(step=own["step"].to_numpy())
        took = [{"run": run, "signal": name, "seconds": s} for name, s in seconds.items()]
        return tables.with_values(run, values, pd.DataFrame(took))

    def _track(self, tables: Tables) -> None:
        """`dvc add` of the states that are here: into DVC's cache, a small file for git.

        Not where some of an earlier machine are absent, which the small file would then forget.
        """
        folder = self.states / self.family.name
        if not self.tracked or not folder.exists():
            return
        file = folder.with_name(f"{folder.name}.dvc")
        absent = [run for run in tables.runs["run"] if not self._path(run).exists()]
        if absent and file.exists():
            self.say(
                f"states of {len(absent)} runs are not here, and nothing was given to DVC: "
                f"`dvc pull {file.relative_to(ROOT)}`, then this command again"
            )
            return
        ran = dvc(ROOT, "add", "--quiet", str(folder.relative_to(ROOT)))
        if ran.returncode:
            raise ValueError(f"dvc add {folder.relative_to(ROOT)} failed: {ran.stderr.strip()}")
