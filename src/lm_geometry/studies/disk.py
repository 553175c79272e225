"""The disk that the arrays of a study take, told before anything runs."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from lm_geometry.data_prep.params import DataPrep
from lm_geometry.embed.params import Embed
from lm_geometry.experiments.experiment import Experiment
from lm_geometry.experiments.overrides import params_of
from lm_geometry.experiments.upstream import states
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.catalogue import ModelEntry, read_models

FLOAT32 = 4  # bytes of a stored coordinate or weight


def told(experiments: Sequence[Experiment]) -> str:
    """What hidden states (at most), records of prompts and checkpoints of equations take.

    Experiments that share what is upstream of the states share them. Parts that params.yaml alone
    does not tell are left out: where every token or every long enough text is kept, or the model
    is not in the catalogue. Empty where nothing is told.
    """
    upstream: dict[str, dict[str, Any]] = {}
    for experiment in experiments:
        params = params_of(experiment)
        upstream.setdefault(states(params), params)
    parts = {
        "hidden states at most": hidden_states,
        "records of prompts": prompt_records,
        "checkpoints": checkpoints_of_equations,
    }
    found = []
    for words, size_of in parts.items():
        sizes = [size_of(params) for params in upstream.values()]
        known = [size for size in sizes if size is not None]
        if len(known) == len(sizes) and sum(known):
            found.append(f"{words} {_written(sum(known))}{_largest(known)}")
    return f"disk: {'; '.join(found)}" if found else ""


def _largest(sizes: list[int]) -> str:
    return f" ({_written(max(sizes))} for one experiment)" if len(sizes) > 1 else ""


def hidden_states(params: dict[str, Any]) -> int | None:
    """Bytes of data/hidden_states at most, or None where the parameters do not tell."""
    embed = Embed.model_validate(params["embed"])
    data = DataPrep.model_validate(params["data_prep"])
    sizes, steps = _sizes(params), _steps(params)
    if sizes is None or steps is None or embed.keep_tokens == "all":
        return None
    layers, width = sizes
    chosen = steps if embed.checkpoints == "all" else sorted({0, *embed.checkpoints})
    kept = layers + 1 if embed.layers == "all" else len(embed.layers)
    arrays = 1 if embed.combine_layers == "mean" else kept
    tokens = embed.keep_tokens
    if data.sequences != "all":
        tokens = min(tokens, data.sequences * embed.max_length)
    splits = len(data.evaluate) * len(data.splits)
    return FLOAT32 * width * arrays * tokens * splits * len(chosen)


def prompt_records(params: dict[str, Any]) -> int | None:
    """Bytes of data/prompt_neighbours, or None where the parameters do not tell."""
    prompts = DataPrep.model_validate(params["data_prep"]).prompts
    chosen = Embed.model_validate(params["embed"]).prompts
    sizes, steps = _sizes(params), _steps(params)
    if sizes is None or steps is None or prompts.count == "all":
        return None
    checkpoints = {"base": 1, "all": len(steps)}
    number = (
        checkpoints[chosen.checkpoints]
        if isinstance(chosen.checkpoints, str)
        else len({0, *chosen.checkpoints})
    )
    layers = sizes[0] + 1 if chosen.layers == "all" else len(chosen.layers)
    token = FLOAT32 * chosen.gride_range.bit_length() + 2 * chosen.overlap_k
    clouds = prompts.count * len(prompts.shuffles) * number
    return clouds * layers * prompts.tokens * token


def checkpoints_of_equations(params: dict[str, Any]) -> int:
    """Bytes of the weights in data/checkpoints of a model that learns equations; 0 for others."""
    finetune = Finetune.model_validate(params["finetune"])
    steps = _steps(params)
    if finetune.task != "modular_arithmetic" or steps is None:
        return 0
    from lm_geometry.models.arithmetic.equations import elements_of
    from lm_geometry.models.arithmetic.model import make_model

    equations = DataPrep.model_validate(params["data_prep"]).equations
    elements = len(elements_of(equations.operation, equations.modulus))
    model = make_model(finetune.arithmetic, elements, seed=0)
    return FLOAT32 * sum(weight.numel() for weight in model.parameters()) * len(steps)


def _sizes(params: dict[str, Any]) -> tuple[int, int] | None:
    """Blocks and width of the model, as far as the catalogue knows it."""
    entry = _catalogue().get(params["model"]["name"])
    if entry is None:
        return None
    if entry.kind == "arithmetic":
        own = Finetune.model_validate(params["finetune"]).arithmetic
        return own.layers, own.width
    return (entry.layers, entry.width) if entry.layers and entry.width else None


@cache
def _catalogue() -> dict[str, ModelEntry]:
    """Read once for all experiments of a study."""
    return read_models()


def _steps(params: dict[str, Any]) -> list[int] | None:
    """Steps of all checkpoints, 0 for base; None where they depend on the number of examples."""
    known = Finetune.model_validate(params["finetune"]).known_checkpoints()
    return None if known is None else [0, *known]


def _written(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
