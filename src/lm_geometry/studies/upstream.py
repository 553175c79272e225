"""What the experiments of a study share, and is computed once, before several run at a time."""

from lm_geometry.studies.grid import Experiment

SECTIONS = ("seed", "model", "data_prep", "finetune", "embed")


def warm_up(experiments: list[Experiment]) -> tuple[list[Experiment], list[Experiment]]:
    """The first experiment of each upstream, and the others, which find its states in the cache.

    Experiments that start at the same moment do not wait for each other: without this, those with
    the same fine-tuning would all run it. The first list is empty where nothing is shared.
    """
    first: dict[str, Experiment] = {}
    for experiment in experiments:
        own = experiment.overrides.items()
        shared = [item for item in own if item[0].partition(".")[0] in SECTIONS]
        first.setdefault(repr(sorted(shared, key=str)), experiment)
    if len(first) == len(experiments):
        return [], experiments
    chosen = list(first.values())
    return chosen, [one for one in experiments if one not in chosen]
