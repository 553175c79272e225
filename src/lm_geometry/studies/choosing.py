"""Which studies can run here, for `lm-geometry study --all`."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project, names_in
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments
from lm_geometry.workspace.section import ROOT

HUB_SECONDS = 5.0
_VARIABLE = "$LM_GEOMETRY_DATA"


def left_out(name: str, study: Study, gpu: bool, root: Path = ROOT) -> str:
    """Why a study cannot run here, in words; empty where it can.

    `gpu` says whether its experiments would have one. What it needs besides is read from the
    catalogue: the hub, or data of one's own.
    """
    if study.gpu and not gpu:
        return "it needs a GPU"
    sources = sources_of(experiments(name, study), root)
    if any(source.startswith(f"file:{_VARIABLE}") for source in sources):
        variable = _VARIABLE.removeprefix("$")
        if not os.environ.get(variable):
            return f"it needs data in the folder that {variable} names"
    if any(source.startswith("hub:") for source in sources):
        return hub_is_away()
    return ""


def sources_of(found: Iterable[Experiment], root: Path = ROOT) -> set[str]:
    """Where the models and corpora that experiments read come from, by the catalogue."""
    project = Project.read(root)
    sources: set[str] = set()
    for experiment in found:
        models, corpora = names_in(project.params_of(experiment.overrides))
        for catalogue, names in ((project.models, models), (project.corpora, corpora)):
            for name in names:  # one that the catalogue does not have is its own source
                source = catalogue.get(name, {}).get("source", name)
                sources |= set(source) if isinstance(source, list) else {source}
    return sources


@cache
def hub_is_away() -> str:
    """Why the Hugging Face hub cannot be asked, in words; empty where it answers."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "it needs the hub, and HF_HUB_OFFLINE is set"
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return ""  # it answers
    except OSError as error:
        return f"it needs the hub, which does not answer ({error})"
    return ""


def has_gpu() -> bool:
    """Whether experiments would run on a GPU of this machine."""
    from lm_geometry.workspace.machine import device

    return device()[0] != "cpu"
