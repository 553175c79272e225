"""Whether each of `model.checkpoints` is the model that `model.name` is, by its config and weights.

Of a step on the hub its small files are fetched, and of its weights the headers alone.
"""

from typing import TYPE_CHECKING

from lm_geometry.data_prep.hub_files import hub_header
from lm_geometry.data_prep.model_checks import check_files
from lm_geometry.models import sources
from lm_geometry.models.facts import NotReadError, class_with_head, facts_of
from lm_geometry.models.load import config_of, local_location, read_config
from lm_geometry.models.weights import Header, check_headers, headers
from lm_geometry.outs.data_prep.model import ModelSource, SeriesStep
from lm_geometry.workspace.hashes import value_hash

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

TOLD = 5  # sentences about steps; more of them are counted


def check_steps(base: ModelSource, steps: list[SeriesStep]) -> None:
    """Exits with a sentence for each step that is no state of the model `base`.

    Those are other architectures and sizes, and weights that are missing, too many or of other
    shapes. What is asked for by a branch or tag is known in the hub's cache by that name then, so
    that it is read again without a network.
    """
    config = read_config(base) if steps else None
    judged: set[str] = set()  # hashes of configs and headers: most steps have the same
    faults = []
    for step in steps:
        try:
            assert config is not None
            _check(base, config, step, judged)
        except (NotReadError, sources.SourceError) as error:
            told = str(error).removeprefix("model.name: ")
            faults.append(f"model.checkpoints: {told}")
    if faults[TOLD:]:
        faults[TOLD:] = [f"model.checkpoints: and {len(faults) - TOLD} more of them"]
    if faults:
        raise SystemExit("\n".join(faults))


def _check(
    base: ModelSource, expected: "PreTrainedConfig", step: SeriesStep, judged: set[str]
) -> None:
    check_files(step.name)
    config = config_of(step.source)
    own, wanted = (_facts(one, base, step.name) for one in (config, expected))
    if own != wanted:
        raise NotReadError(
            f"model.name: {step.name} is a {own[0]} of {own[1]} blocks and width {own[2]}, and "
            f"{base.name} a {wanted[0]} of {wanted[1]} and {wanted[2]}: they are no states of one "
            "model"
        )
    found = _header(step)
    if found is None:
        print(f"{step.name}: its weights are looked at when they are loaded", flush=True)
        return
    shapes = sorted([name, list(weight.shape)] for name, weight in found.items())
    key = value_hash([config.to_json_string(use_diff=False), shapes])
    if key not in judged:
        check_headers(found, config, class_with_head(base.kind, config), step.name, base.kind)
        judged.add(key)


def _facts(config: "PreTrainedConfig", base: ModelSource, name: str) -> tuple[str, int, int]:
    half = base.half or None
    facts = facts_of(config, name, half)  # pyright: ignore[reportArgumentType]
    return config.model_type, facts.layers, facts.width


def _header(step: SeriesStep) -> Header | None:
    """Names and shapes of a step's weights; None where they cannot be had without all of them."""
    source, where = sources.parse(step.source), local_location(step.source)
    if source.scheme != "hub":
        return headers(where, step.name)
    try:
        return headers(where | {"local_files_only": True}, step.name)
    except NotReadError:  # not in the cache
        return hub_header(source)
