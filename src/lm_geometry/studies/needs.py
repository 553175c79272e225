"""What a study needs of this machine: a GPU, the hub or data of one's own, and disk."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path

from lm_geometry.embed import needs
from lm_geometry.experiments.experiment import Experiment, Project, states
from lm_geometry.params.sections import Params
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments
from lm_geometry.workspace.points import layers_at
from lm_geometry.workspace.section import ROOT

HUB_SECONDS = 5.0
_VARIABLE = "LM_GEOMETRY_DATA"
Sizes = tuple[int, int]  # blocks and width of a model


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


def disk_told(experiments: Sequence[Experiment], root: Path = ROOT) -> str:
    """What hidden states (at most), records of prompts and checkpoints of equations take.

    Experiments that share what is upstream of the states share them. Parts that params.yaml alone
    does not tell are left out: where every token or every long enough text is kept, or the model
    is not in the catalogue. Empty where nothing is told.
    """
    project = Project.read(root)
    every = [project.params_of(experiment.overrides) for experiment in experiments]
    upstream = {states(raw): Params.of(raw) for raw in every}.values()
    parts: dict[str, Callable[[Params, Sizes | None], int | None]] = {
        "hidden states at most": hidden_states,
        "records of prompts": prompt_records,
        "checkpoints": checkpoints_of_equations,
    }
    found = []
    for words, size_of in parts.items():
        sizes = [size_of(params, sizes_in(project, params)) for params in upstream]
        known = [size for size in sizes if size is not None]
        if len(known) == len(sizes) and sum(known):
            largest = f" ({_written(max(known))} for one experiment)" if len(known) > 1 else ""
            found.append(f"{words} {_written(sum(known))}{largest}")
    return f"disk: {'; '.join(found)}" if found else ""


def hidden_states(params: Params, sizes: Sizes | None) -> int | None:
    """Bytes of data/hidden_states at most, or None where the parameters do not tell."""
    embed, data, steps = params.embed, params.data_prep, _steps(params)
    if embed.store == "none":
        return 0
    if sizes is None or steps is None or embed.keep_tokens == "all":
        return None
    layers = layers_at(embed.layers, sizes[0], embed.points)
    widths = needs.arrays(layers, sizes[1], embed.combine_layers).values()
    chosen = steps if embed.checkpoints == "all" else {0, *embed.checkpoints}
    tokens = embed.keep_tokens
    if data.sequences != "all":
        tokens = min(tokens, data.sequences * embed.max_length)
    splits = len(data.evaluate) * len(data.measured_splits(params.finetune.task != "none"))
    return needs.hidden_states(tokens * splits, [*widths], len(chosen))


def prompt_records(params: Params, sizes: Sizes | None) -> int | None:
    """Bytes of data/prompt_neighbours, or None where the parameters do not tell."""
    prompts, chosen, steps = params.data_prep.prompts, params.embed.prompts, _steps(params)
    if sizes is None or steps is None or prompts.count == "all":
        return None
    asked = chosen.checkpoints
    of = {"base": [0], "all": steps}[asked] if isinstance(asked, str) else {0, *asked}
    layers = len(layers_at(chosen.layers, sizes[0], params.embed.points))
    records = prompts.count * len(prompts.shuffles) * len(of)
    return needs.prompt_records(
        records, prompts.tokens, layers, chosen.gride_range, chosen.overlap_k
    )


def checkpoints_of_equations(params: Params, sizes: Sizes | None = None) -> int:
    """Bytes of the weights in data/checkpoints of a model that learns equations; 0 for others."""
    finetune, steps = params.finetune, _steps(params)
    if finetune.task != "modular_arithmetic" or steps is None:
        return 0
    from lm_geometry.models.arithmetic.equations import elements_of
    from lm_geometry.models.arithmetic.model import make_model

    equations = params.data_prep.equations
    elements = len(elements_of(equations.operation, equations.modulus))
    model = make_model(finetune.arithmetic, elements, seed=0)
    return needs.FLOAT32 * sum(weight.numel() for weight in model.parameters()) * len(steps)


def sizes_in(project: Project, params: Params) -> Sizes | None:
    """Blocks and width of the model, as far as the catalogue knows it."""
    entry = project.models.get(params.model.name, {})
    if entry.get("kind") == "arithmetic":
        return params.finetune.arithmetic.layers, params.finetune.arithmetic.width
    return (entry["layers"], entry["width"]) if entry else None


def _steps(params: Params) -> list[int] | None:
    """Steps of all checkpoints, 0 for base; None where they depend on the number of examples."""
    known = params.known_checkpoints()
    return None if known is None else [0, *known]


def _written(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
