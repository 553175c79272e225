"""From the tables of a family's runs to courses of scores, all in one order of runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.point_cloud.shapes import Float64, Int64
from lm_geometry.signals import Course, Signal, combined, cusum, signal_named, signals
from lm_geometry.signals.alarm_scores import Side, level
from lm_geometry.studies.signals.definition import SignalStudy, planned
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.reading import GRAPH
from lm_geometry.studies.signals.tables import Tables

ALONE = "the settings alone"
LOGGED = ("training_loss", "gradient_norm", "weight_norm")  # which everybody has
OURS = "three without labels"
Scoring = Callable[[Float64[np.ndarray, "steps"]], Float64[np.ndarray, "steps"]]


@dataclass(frozen=True)
class FamilyRuns:
    """The runs of a family that are judged: whole ones of whole rounds of seeds.

    `groups` `[runs]` number their settings, which are left out together. `cost` has for each signal
    its processor seconds as a share of those of training, the mean over runs.
    """

    study: SignalStudy
    runs: pd.DataFrame
    steps: dict[str, pd.DataFrame]
    groups: Int64[np.ndarray, "runs"]
    diverged: int
    cost: dict[str, float]

    @classmethod
    def of(cls, study: SignalStudy, tables: Tables) -> "FamilyRuns":
        """Those of the tables.

        Raises ValueError where any run of the study's seeds is missing, with how many are, and
        where a kind has fewer runs than the study wants and seeds could still be added.
        """
        family = family_named(study.family)
        rounds = range(study.seeds, study.most_seeds + 1, study.more_seeds)
        whole = [n for n in rounds if not tables.missing(list(planned(study, n)))]
        if not whole:
            wanted = list(planned(study, study.seeds))
            missing = tables.missing(wanted)
            raise ValueError(
                f"{family.name}: {len(missing)} of {len(wanted)} runs are missing, such as "
                f"{missing[0].name}; `lm-geometry study signals/{family.name}` makes them"
            )
        chosen = rows_where(tables.runs, run=[one.name for one in planned(study, whole[-1])])
        finite = pd.DataFrame(chosen[chosen["diverged"].isna()])
        finite = finite.sort_values([*family.varied, "seed"]).reset_index(drop=True)
        events = np.isfinite(finite["event"].astype(float))
        fewest = min(int(events.sum()), int((~events).sum()))
        if fewest < study.of_each_kind and whole[-1] + study.more_seeds <= study.most_seeds:
            raise ValueError(
                f"{family.name}: {fewest} runs of the rarer kind, {study.of_each_kind} are wanted: "
                f"`lm-geometry study signals/{family.name}` adds seeds"
            )
        steps = {str(run): rows.sort_values("step") for run, rows in tables.steps.groupby("run")}
        groups = finite.groupby(list(family.varied)).ngroup().to_numpy()
        joined = tables.seconds.merge(finite[["run", "seconds_training"]], on="run")
        each = joined["seconds"].to_numpy(np.float64) / joined["seconds_training"].to_numpy()
        names = joined["signal"].to_numpy()
        cost = {str(name): float(each[names == name].mean()) for name in np.unique(names)}
        return cls(study, finite, steps, groups, len(chosen) - len(finite), cost)

    @property
    def signals(self) -> list[Signal]:
        """The declared signals that every run has a column of."""
        read = [set(self.steps[run].dropna(axis=1, how="all")) for run in self.runs["run"]]
        there = set.intersection(*read)
        return [signal for name, signal in signals().items() if name in there]

    def cost_of(self, name: str) -> float:
        """The cost of a signal alone: with that of the neighbours where it takes them."""
        takes = "neighbours" in signal_named(name).needs
        return self.cost.get(name, np.nan) + (self.cost.get(GRAPH, 0.0) if takes else 0.0)

    def courses(self, name: str, side: Side = "both", rule: str | None = None) -> list[Course]:
        """The scores of a signal in each run, by the rule that it declares, or by another."""
        chosen = rule or signal_named(name).rule
        return self._courses(
            lambda rows: level(rows[name]) if chosen == "level" else cusum(rows[name], side)
        )

    def alone(self) -> list[Course]:
        """The settings alone: constant scores of each varied number, joined as signals are."""
        varied = family_named(self.study.family).varied
        features = []
        for name in varied:
            places = {value: i for i, value in enumerate(sorted(self.study.settings[name]))}
            scores = iter([places[value] for value in self.runs[name]])
            features.append(
                self._courses(lambda rows, own=scores: np.full(len(rows), float(next(own))))
            )
        return combined(features, self.groups)

    def joined(self, names: Sequence[str]) -> list[Course]:
        """The combination of a few signals; raises ValueError as `combined`."""
        return combined([self.courses(name, rule="cusum") for name in names], self.groups)

    def _courses(self, scored: Callable[[pd.DataFrame], np.ndarray]) -> list[Course]:
        found = []
        for run in self.runs.to_dict("records"):
            rows = self.steps[run["run"]]
            scores = scored(rows)
            steps = rows["step"].to_numpy(dtype=np.float64)
            found.append(Course(steps, scores, float(run["event"]), float(run["budget"])))
        return found
