"""Whether two models or corpora of a study would have one name in its tables and figures."""

from collections.abc import Iterable

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project
from lm_geometry.workspace.paths import corpus_names, name_of


def shared_names(found: Iterable[Experiment], project: Project) -> list[str]:
    """A sentence for each name that stands for more than one model, or corpus, of a study.

    Within one run `names_of` tells corpora apart; those of several runs meet in the study alone.
    """
    meant: dict[tuple[str, str], dict[str, None]] = {}
    for experiment in found:
        params = project.params_of(experiment.overrides)
        model = params["model"]["name"]
        meant.setdefault(("models", name_of(model)), {})[model] = None
        for corpus, name in corpus_names(params["data_prep"]).items():
            meant.setdefault(("corpora", name), {})[corpus] = None
    return [
        f"the {kind} {' and '.join(references)} would all be named {name}: give all but one an "
        f"alias in catalogue/{kind}.yaml, or name the files otherwise"
        for (kind, name), references in meant.items()
        if len(references) > 1
    ]
