"""What the experiments of a study share, so that it is computed once where several run at a time.

Experiments that start at the same moment do not wait for each other: without an order, those with
the same fine-tuning would all run it. Preparing the data takes seconds and gives the same bytes
each time, so that nobody waits for that.
"""

from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, Raw
from lm_geometry.workspace.section import ROOT

EVALUATED = ("evaluate", "splits", "prompts")  # of data_prep: not of the training texts


def levels(experiments: list[Experiment], root: Path = ROOT) -> list[list[Experiment]]:
    """The experiments in the order of what they share: each waits for one of an earlier list.

    The first list has those that wait for nobody; in each, those that others wait for come first.
    """
    waits = awaited(experiments, root)
    awaiting = set(waits.values())
    found: list[list[Experiment]] = []
    for one in sorted(experiments, key=lambda one: one.name not in awaiting):
        depth, name = 0, one.name
        while name in waits:
            depth, name = depth + 1, waits[name]
        found += [[] for _ in range(depth + 1 - len(found))]
        found[depth].append(one)
    return found


def awaited(experiments: list[Experiment], root: Path = ROOT) -> dict[str, str]:
    """By the name of an experiment, that of the one which computes what it shares, if any does.

    That is the first with the same hidden states, or else the first with the same fine-tuning.
    """
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    project = Project.read(root)
    for one in experiments:
        params = project.params_of(one.overrides)
        for shared in (fine_tuning(params), states(params)):
            maker = first.setdefault(shared, one.name) if shared else one.name
            if maker != one.name:
                found[one.name] = maker
    return found


def fine_tuning(params: Raw) -> str:
    """What tells a fine-tuning from others; empty where there is none to share."""
    if params["finetune"]["task"] == "none":
        return ""
    data = {key: value for key, value in params["data_prep"].items() if key not in EVALUATED}
    # Pretrained weights are the same for every seed; batches and adapters have finetune.seed.
    seed = params["seed"] if params["model"]["weights"] == "random" else None
    return f"finetune {[seed, params['model'], data, params['finetune']]}"


def states(params: Raw) -> str:
    """What tells the hidden states of an experiment from those of others."""
    sections = ("seed", "model", "data_prep", "finetune", "embed")
    return f"embed {[params.get(name) for name in sections]}"
