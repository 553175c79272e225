"""What a run has to do, counted from its parameters: no machine is in it."""

from dataclasses import dataclass
from typing import Literal

from lm_geometry.params.sections import Params
from lm_geometry.workspace.layers import hidden_states
from lm_geometry.workspace.points import layers_at

Count = int | Literal["all"]


class NotCountedError(ValueError):
    """Parameters that do not tell alone how much there is to do."""


@dataclass(frozen=True)
class Work:
    """How much of everything a run does; tokens and points are the most that there can be."""

    steps: int  # of the optimiser; 0: nothing is trained
    step_tokens: int  # of one step
    scored_tokens: int  # forward passes of all evaluations
    kept: int  # checkpoints that are written
    checkpoints: int  # that are embedded, base among them
    passed_tokens: int  # of one checkpoint, in all forward passes
    stored_tokens: int  # of one checkpoint, of which states are kept
    layers: int  # stored arrays
    points: int  # of a cloud
    clouds: int
    surrogates: int  # drawn clouds of all null models
    prompt_models: int  # checkpoints under which prompts are read
    prompts: int  # of each: records of a prompt and shuffle
    prompt_tokens: int
    prompt_layers: int


def counted(params: Params, depth: int) -> Work:
    """The work of a run of a model of `depth` blocks.

    Raises NotCountedError where texts would have to be read first.
    """
    data, embed, estimate = params.data_prep, params.embed, params.estimate
    trained = params.finetune.task != "none"
    splits = len(data.evaluate) * len(data.measured_splits(trained))
    sequences = _number("data_prep.sequences", data.sequences)
    checkpoints = _checkpoints(params)
    tokens = splits * sequences * embed.max_length
    layers = layers_at(embed.layers, depth, embed.points)
    arrays = len(layers) if embed.combine_layers == "none" else 1
    points = _points(params, sequences)
    at_each_layer = checkpoints * splits * len(params.token_sample.seeds)
    passes = embed.max_length if embed.mode == "masked_token" else 1
    prompts, asked = data.prompts, embed.prompts
    records = _number("data_prep.prompts.count", prompts.count) * len(prompts.shuffles)
    under = asked.checkpoints
    models = checkpoints if under == "all" else 1 if under == "base" else len({0, *under})
    drawn = at_each_layer * _with_null_models(params, checkpoints, arrays, depth)
    return Work(
        *_training(params),
        checkpoints=checkpoints,
        passed_tokens=tokens * passes,
        stored_tokens=splits * _fewer(embed.keep_tokens, sequences * embed.max_length)
        if embed.store == "stored"
        else 0,
        layers=arrays,
        points=points,
        clouds=at_each_layer * arrays,
        surrogates=round(drawn) * len(estimate.surrogates.kinds) * estimate.surrogates.draws,
        prompt_models=models if records else 0,
        prompts=records,
        prompt_tokens=prompts.tokens,
        prompt_layers=len(layers_at(asked.layers, depth, embed.points)),
    )


def _training(params: Params) -> tuple[int, int, int, int]:
    """Steps, tokens of a step, tokens of all evaluations, checkpoints that are written."""
    finetune = params.finetune
    if finetune.task == "none":
        return 0, 0, 0, 0
    if finetune.task == "modular_arithmetic":
        raise NotCountedError("a model that learns equations is not calibrated")
    if finetune.steps is None:
        raise NotCountedError("finetune.epochs are told by the training texts alone")
    known = finetune.known_checkpoints()
    if known is None:
        raise NotCountedError("finetune.checkpoints in epochs are told by the texts alone")
    kept, length = len(known), finetune.block_tokens
    scored = _number("finetune.evaluation_sequences", finetune.evaluation_sequences)
    step = finetune.batch_size * finetune.accumulate * length
    return finetune.steps, step, (kept + 1) * len(finetune.score) * scored * length, kept


def _checkpoints(params: Params) -> int:
    known = params.known_checkpoints()
    if known is None:
        raise NotCountedError("finetune.checkpoints in epochs are told by the texts alone")
    chosen = params.embed.checkpoints
    return len({0, *known}) if chosen == "all" else len({0, *chosen})


def _points(params: Params, sequences: int) -> int:
    sample, embed = params.token_sample, params.embed
    there = _fewer(embed.keep_tokens, sequences * embed.max_length)
    if "first" in sample.drop:
        there -= there // embed.max_length
    return max(3, min(there, sample.prepared, sample.points))


def _with_null_models(params: Params, checkpoints: int, arrays: int, depth: int) -> float:
    """Clouds with null models, as a number for each (checkpoint, split, seed)."""
    asked = params.estimate.surrogates
    layers = arrays
    if asked.layers != "all":
        layers = min(arrays, len(hidden_states(asked.layers, depth)))
    compared = min(checkpoints, 2) if asked.checkpoints == "last" else checkpoints
    return layers * compared / checkpoints


def _number(name: str, asked: Count) -> int:
    if asked == "all":
        raise NotCountedError(f"{name} is all, which the texts alone tell")
    return asked


def _fewer(asked: Count, there: int) -> int:
    return there if asked == "all" else min(asked, there)
