"""A study from its first experiment to its figures."""

import subprocess
import sys
from pathlib import Path

from lm_geometry.machine import scratch
from lm_geometry.params.models import read_models
from lm_geometry.params.section import ROOT
from lm_geometry.studies.collection import collect
from lm_geometry.studies.definition import Study
from lm_geometry.studies.existing import in_the_way, same
from lm_geometry.studies.grid import Experiment, made_first
from lm_geometry.studies.keeping import keep
from lm_geometry.studies.provenance import record
from lm_geometry.studies.report import write_report
from lm_geometry.studies.revisions import Revision
from lm_geometry.studies.running import run


def conduct(
    name: str, study: Study, experiments: list[Experiment], jobs: int, replace: bool
) -> None:
    """Run what is not there yet, and write studies/results/NAME.

    An experiment that exists with the same parameters and code is not run again. Raises
    ValueError, naming each, where one exists with others and `replace` is not set; SystemExit
    where one failed, after all others were run.
    """
    logs = scratch() / "studies" / name
    for alias, first in made_first(name, study).items():
        if alias in read_models():
            print(f"model {alias} is in the catalogue", flush=True)
            continue
        _run([first], 1, replace, logs)
        commit = _commit_of(first)
        entry = keep(Revision(commit), study.models[alias].step, alias)
        print(f"model {alias}: {entry.note}", flush=True)
    _run(experiments, jobs, replace, logs)
    collected = [collect(experiment, _commit_of(experiment)) for experiment in experiments]
    for path in write_report(name, study, collected):
        print(path.relative_to(ROOT))


def _run(experiments: list[Experiment], jobs: int, replace: bool, logs: Path) -> None:
    missing = [experiment for experiment in experiments if same(experiment) is None]
    for experiment in experiments:
        if experiment not in missing:
            print(f"{experiment.name}: exists, with these parameters and this code", flush=True)
    _make_way(missing, replace)
    if not missing:
        return
    outcomes = run(missing, jobs, logs, say=lambda text: print(text, flush=True))
    record(logs.name, outcomes)
    failed = [outcome for outcome in outcomes if outcome.failed]
    if failed:
        listed = "\n".join(f"  {outcome.name}: {outcome.log}" for outcome in failed)
        raise SystemExit(f"{len(failed)} of {len(missing)} experiments failed; see\n{listed}")


def _make_way(experiments: list[Experiment], replace: bool) -> None:
    found = [old for experiment in experiments if (old := in_the_way(experiment))]
    if found and not replace:
        listed = "\n".join(f"  {old.name}: other {old.differs}" for old in found)
        raise ValueError(
            f"these experiments exist, and are not what the study asks for:\n{listed}\n"
            "--replace runs them again; `dvc exp rename` keeps one under another name"
        )
    for old in found:
        command = [sys.executable, "-m", "dvc", "exp", "remove", "--quiet", old.name]
        subprocess.run(command, cwd=ROOT, check=True)


def _commit_of(experiment: Experiment) -> str:
    found = same(experiment)
    if found is None:
        raise ValueError(
            f"{experiment.name} ran, but is not there with these parameters and this code: was "
            "something edited meanwhile? Run the study again"
        )
    return found.commit
