"""How fast the model itself is here: passes, steps of training, and prompts."""

import resource
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from torch.nn.functional import cross_entropy

from lm_geometry.embed.forward_pass import (
    ForwardPass,
    Passed,
    arithmetic,
    pad_id,
    predicts_next,
)
from lm_geometry.embed.placement import load_placed
from lm_geometry.embed.prompts.reduce import layer_geometry
from lm_geometry.experiments.costs.timing import Clock, per_item, timed
from lm_geometry.finetune.adapters import with_adapters
from lm_geometry.finetune.freezing import freeze, frozen_modules
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.body import tokens_alone, without_cache
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.params.sections import Params
from lm_geometry.workspace import machine

FORWARD, TRAINING, PROMPT = 1.0, 2.0, 1.0  # seconds of clock that each may take, about
GRADIENT_AND_MOMENTS = 3  # of every trained weight, beside it


@dataclass(frozen=True)
class ModelRates:
    """The fields of `Rates` that a model decides."""

    load: float
    token: float
    trained_token: float
    prompt_token: float
    prompt_layer: float
    checkpoint_bytes: int
    model_memory: int
    training_memory: int


def model_rates(source: ModelSource, params: Params, clock: Clock) -> ModelRates:
    """What is measured of the model of a run, on made-up tokens."""
    embed = params.embed
    device, _ = machine.device()
    dtype, _ = arithmetic(embed.dtype, device)
    fill = pad_id(load_tokenizer(source))
    layers = source.resolved_layers(embed.layers, embed.points)

    def loaded() -> ForwardPass:
        model = load_placed(source, None, device, dtype)
        return ForwardPass(model, device, dtype, fill, layers, source.half, embed.points)

    def synchronised() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return clock()

    load, states = timed(synchronised, loaded)
    most = max(1, embed.batch_tokens // embed.max_length)
    wanted = embed.loss and predicts_next(source, states)

    def forward(sequences: int, length: int = embed.max_length) -> Passed:
        return _forward(states, sequences, length, wanted)

    sequence, _ = per_item(synchronised, forward, most, FORWARD)
    model_memory = _resident()
    prompt = _prompt(states, params, synchronised, forward)
    trained = _trained(states, source, params.finetune, synchronised)
    token = sequence / embed.max_length
    return ModelRates(load, token, trained[0], *prompt, trained[1], model_memory, trained[2])


def _forward(states: ForwardPass, sequences: int, length: int, losses: bool) -> Passed:
    ids = _tokens(states, sequences, length)

    def read(passed: Passed) -> Passed:
        own = ids[passed.part]
        where = np.arange(len(own)).repeat(length - 1), np.tile(np.arange(length - 1), len(own))
        passed.at(*where)
        if losses:
            states.losses(passed, *where, own[:, 1:].ravel())
        return passed

    (last,) = deque(map(read, states.run(ids.tolist(), losses=losses)), maxlen=1)
    return last


def _tokens(states: ForwardPass, sequences: int, length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(states.known, size=(sequences, length))


def _prompt(
    states: ForwardPass, params: Params, clock: Clock, forward: Callable[[int, int], Passed]
) -> tuple[float, float]:
    """Seconds of a token of a prompt in its pass, and of the reduction of one layer of it."""
    prompts, asked = params.data_prep.prompts, params.embed.prompts
    if prompts.count == 0:
        return 0.0, 0.0
    # Once, as it takes seconds: shorter passes have loaded before it what a first one does.
    seconds, passed = timed(clock, lambda: forward(1, prompts.tokens))
    layer = passed.layers[0][0].float()

    def reduced(layers: int) -> None:
        sizes = asked.gride_range, asked.overlap_k
        for _ in range(layers):
            layer_geometry(layer, *sizes, asked.precision, window=asked.window)

    return seconds / prompts.tokens, per_item(clock, reduced, 8, PROMPT)[0]


def _trained(
    states: ForwardPass, source: ModelSource, settings: Finetune, clock: Clock
) -> tuple[float, int, int]:
    """Seconds of a trained token, bytes of a checkpoint, and bytes of a process that trains."""
    if settings.task == "none":
        return 0.0, 0, 0
    model = states.model.float()
    frozen = frozen_modules(model, settings.freeze)
    every = [*model.parameters()]
    if settings.method == "full":
        for weight in every:
            weight.requires_grad_(True)
        freeze(model, frozen)
    else:
        blocks = source.resolved_blocks(settings.lora.layers)
        lora = settings.lora.model_copy(update={"layers": blocks})
        model = with_adapters(model, lora, frozen, [], settings.seed)
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    trained = sum(weight.numel() * weight.element_size() for weight in weights)
    optimiser = torch.optim.AdamW(weights, lr=0.0)
    model.train()
    before = _resident()

    def step(examples: int) -> None:
        ids = torch.from_numpy(_tokens(states, examples, settings.block_tokens)).to(states.device)
        kind = getattr(torch, settings.precision)
        with torch.autocast(states.device, kind, enabled=kind != torch.float32):
            logits = model(**tokens_alone(states.model, ids), **without_cache(states.model)).logits
        cross_entropy(logits.float().flatten(0, 1), ids.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(weights, settings.max_gradient_norm)
        optimiser.step()
        optimiser.zero_grad()

    example, items = per_item(clock, step, settings.batch_size, TRAINING)
    fixed = GRADIENT_AND_MOMENTS * trained
    moving = max(0, _peak() - before - fixed)
    memory = before + fixed + moving * settings.batch_size // items
    whole = sum(weight.numel() * weight.element_size() for weight in every)
    written = trained if settings.method == "lora" else whole
    return example / settings.block_tokens, written, memory


def _resident() -> int:
    return psutil.Process().memory_info().rss


def _peak() -> int:
    """The most that this process had resident, in bytes; kB where the system is Linux."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024
