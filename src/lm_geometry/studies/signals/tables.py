"""The tables of a family's runs that git keeps: a row for each run, step, and signal's seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.revisions.spreadsheets import inert
from lm_geometry.studies.signals.definition import Planned
from lm_geometry.workspace.files import whole_file

RUN = ["run", "parameters", "seed", "event", "diverged", "budget"]
DIGITS = "%.7g"


@dataclass(frozen=True)
class Tables:
    """What was measured of a family's runs.

    - `runs`: name, `parameters` (a hash of what the run depends on), the setting, seed, the step
      of the event (NaN without), the step at which the loss was no longer finite (NaN: none),
      budget, and processor seconds of training and of observing
    - `steps`: by run and measured step, validation accuracy, the standard error of the validation
      loss, and a column for each signal
    - `seconds`: processor seconds of each signal in the whole run
    """

    runs: pd.DataFrame
    steps: pd.DataFrame
    seconds: pd.DataFrame

    @classmethod
    def empty(cls) -> "Tables":
        """Of no run."""
        columns = (RUN, ["run", "step"], ["run", "signal", "seconds"])
        return cls(*(pd.DataFrame({name: [] for name in names}) for names in columns))

    @classmethod
    def read(cls, folder: Path) -> "Tables":
        """The tables in a folder; empty where there are none.

        Rows of a run that `runs` does not have, as an interruption leaves them, are left out.
        """
        if not (folder / "runs.csv").exists():
            return cls.empty()
        runs, steps, seconds = (
            pd.read_csv(folder / f"{name}.csv", dtype={"run": str, "parameters": str})
            for name in ("runs", "steps", "seconds")
        )
        there = runs["run"].tolist()
        return cls(runs, rows_where(steps, run=there), rows_where(seconds, run=there))

    def with_run(self, other: "Tables") -> "Tables":
        """These and the rows of another run, in place of those that it has here."""
        if self.runs.empty:
            return other
        kept = [run for run in self.runs["run"] if run not in set(other.runs["run"])]
        return Tables(
            *(
                pd.concat([rows_where(mine, run=kept), its], ignore_index=True)
                for mine, its in zip(self._all, other._all, strict=True)
            )
        )

    def with_values(self, run: str, values: pd.DataFrame, seconds: pd.DataFrame) -> "Tables":
        """These, with values of more signals of one run: columns beside `step`, and seconds."""
        mine = self.steps["run"] == run
        own = self.steps[mine].drop(columns=[c for c in values if c != "step"], errors="ignore")
        found = own.merge(values, on="step", how="left", validate="one_to_one")
        again = seconds["signal"].tolist()
        kept = self.seconds[~((self.seconds["run"] == run) & self.seconds["signal"].isin(again))]
        return replace(
            self,
            steps=pd.concat([self.steps[~mine], found], ignore_index=True),
            seconds=pd.concat([kept, seconds], ignore_index=True),
        )

    def write(self, folder: Path, order: Sequence[str]) -> None:
        """Write sorted by setting (`order` has its columns), seed and step; `runs` come last.

        The same rows give the same bytes, in whatever order they were made.
        """
        runs = self.runs.sort_values([*order, "seed"], kind="stable")
        place = {run: i for i, run in enumerate(runs["run"])}
        steps, seconds = (
            table.assign(_place=table["run"].map(place.get))
            .sort_values(["_place", key], kind="stable")
            .drop(columns="_place")
            for table, key in ((self.steps, "step"), (self.seconds, "signal"))
        )
        first = ["run", "step", "validation_accuracy", "validation_loss_error"]
        first = [name for name in first if name in steps]
        steps = steps[[*first, *sorted(set(steps) - set(first))]]
        for name, table in (("steps", steps), ("seconds", seconds), ("runs", runs)):
            text = inert(pd.DataFrame(table))
            with whole_file(folder / f"{name}.csv") as temporary:
                text.to_csv(temporary, index=False, float_format=DIGITS, lineterminator="\n")

    @property
    def _all(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        return self.runs, self.steps, self.seconds

    def read_signals(self, run: str) -> set[str]:
        """The signals that were read of a run."""
        return set(self.seconds.loc[self.seconds["run"] == run, "signal"])

    def missing(self, wanted: Sequence[Planned]) -> list[Planned]:
        """Those of the wanted runs that are not here.

        Raises ValueError where one is here that was made with other parameters.
        """
        there = dict(zip(self.runs["run"], self.runs["parameters"], strict=True))
        others = [one.name for one in wanted if there.get(one.name) not in (None, one.parameters)]
        if others:
            raise ValueError(
                f"{len(others)} runs were made with other parameters, such as {others[0]}: delete "
                "the folder of results to make all anew, or check out the code that made them"
            )
        return [one for one in wanted if one.name not in there]

    def counts(self) -> tuple[int, int]:
        """Runs with the event and without, diverged ones left out."""
        finite = self.runs[self.runs["diverged"].isna()]
        with_event = int(np.isfinite(finite["event"].astype(float)).sum())
        return with_event, len(finite) - with_event
