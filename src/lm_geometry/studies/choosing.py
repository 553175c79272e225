"""Which studies can run here, for `lm-geometry study --all`."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from functools import cache
from itertools import chain
from pathlib import Path

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.project import Project
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments
from lm_geometry.workspace.section import ROOT

HUB_SECONDS = 5.0
_VARIABLE = "LM_GEOMETRY_DATA"


def left_out(name: str, study: Study, gpu: bool, root: Path = ROOT) -> str:
    """Why a study cannot run here, in words; empty where it can.

    `gpu` says whether its experiments would have one. What it needs besides is read from the
    catalogue: the hub, or data of one's own.
    """
    if study.gpu and not gpu:
        return "it needs a GPU"
    sources = sources_of(experiments(name, study), root)
    own_data = any(source.startswith(f"file:${_VARIABLE}") for source in sources)
    if own_data and not os.environ.get(_VARIABLE):
        return f"it needs data in the folder that {_VARIABLE} names"
    return hub_is_away() if any(source.startswith("hub:") for source in sources) else ""


def sources_of(found: Iterable[Experiment], root: Path = ROOT) -> set[str]:
    """Where the models and corpora that experiments read come from, by the catalogue."""
    project = Project.read(root)
    contents = [project.content(experiment.overrides) for experiment in found]
    entries = chain(*(one[of].items() for one in contents for of in ("models", "corpora")))
    # One that the catalogue does not have is its own source.
    sources = [entry.get("source", name) for name, entry in entries]
    return {one for own in sources for one in (own if isinstance(own, list) else [own])}


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
