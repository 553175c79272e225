"""studies/signals/NAME.yaml: a family of runs, its settings and seeds."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator

from lm_geometry.params.explain import nearest, read_checked
from lm_geometry.studies.definition import FOLDER, RESULTS
from lm_geometry.studies.signals.family import Family, Setting
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.workspace.hashes import value_hash
from lm_geometry.workspace.section import Section

PREFIX = "signals/"  # of the name of such a study
FOLDER_OF_SIGNALS = FOLDER / "signals"
RESULTS_OF_SIGNALS = RESULTS / "signals"


class SignalStudy(Section):
    """Runs of one family: every combination of `settings`, each with so many seeds."""

    question: str = Field(description="what the study answers, in one line")
    minutes: float = Field(gt=0, description="of one core, for all runs of the first seeds")
    family: str = Field(description="a module of lm_geometry.studies.signals.families")
    settings: dict[str, list[float]] = Field(description="values of what the family varies")
    seeds: int = Field(gt=1, description="of every setting, from 0 on")
    more_seeds: int = Field(8, gt=0, description="added to every setting while a kind is too rare")
    most_seeds: int = Field(32, gt=0, description="no more are added")
    of_each_kind: int = Field(60, gt=0, description="runs wanted with the event, and without")

    @model_validator(mode="after")
    def _settings_are_the_family_s(self) -> "SignalStudy":
        varied = family_named(self.family).varied
        if set(self.settings) != set(varied):
            raise ValueError(
                f"settings: {', '.join(self.settings)}; family {self.family} varies "
                f"{', '.join(varied)}"
            )
        for name, values in self.settings.items():
            if not values or len(set(values)) < len(values):
                raise ValueError(f"settings.{name}: {values}; give values, each once")
        if self.most_seeds < self.seeds:
            raise ValueError(f"most_seeds: {self.most_seeds}; at least seeds, {self.seeds}")
        return self


@dataclass(frozen=True)
class Planned:
    """One run: its name, setting and seed, and a hash of all that it depends on."""

    name: str
    setting: Setting
    seed: int
    parameters: str


def signal_study_names(folder: Path = FOLDER_OF_SIGNALS) -> list[str]:
    """The names of all families' studies, as `signals/grokking`."""
    return sorted(f"{PREFIX}{path.stem}" for path in folder.glob("*.yaml"))


def read_signal_study(name: str, folder: Path = FOLDER_OF_SIGNALS) -> SignalStudy:
    """The study of that name; raises ValueError with a line for each thing that is wrong."""
    known = signal_study_names(folder)
    if name not in known:
        raise ValueError(f"no study {name!r}{nearest(name, known)}")
    return read_checked(folder / f"{name.removeprefix(PREFIX)}.yaml", SignalStudy, name)


def planned(study: SignalStudy, seeds: int) -> Iterator[Planned]:
    """The runs of so many seeds: all settings of the first seed, then of the next."""
    family = family_named(study.family)
    values = [study.settings[name] for name in family.varied]
    for seed, one in itertools.product(range(seeds), itertools.product(*values)):
        yield planned_run(family, dict(zip(family.varied, one, strict=True)), seed)


def planned_run(family: Family, setting: Setting, seed: int) -> Planned:
    """A run of that setting and seed, named by both."""
    told = "-".join(f"{setting[name]:g}" for name in family.varied)
    depends = [family.name, family.budget, family.every, dict(family.constants)]
    made = value_hash([*depends, {k: float(v) for k, v in setting.items()}, seed])
    return Planned(f"{told}-seed-{seed}", setting, seed, made[:12])
