"""Minutes, disk and memory of a run: what was counted times what was measured."""

from collections.abc import Collection
from dataclasses import dataclass
from math import log2

from lm_geometry.embed import needs
from lm_geometry.estimate.sizes import memory_of
from lm_geometry.experiments.costs.rates import Rates
from lm_geometry.experiments.costs.work import Work
from lm_geometry.params.sections import Params

STAGES = ("data-prep", "finetune", "embed", "token-sample", "estimate", "aggregate")


@dataclass(frozen=True)
class Costs:
    """Seconds by stage, bytes on disk, and bytes of the largest process or of several at once."""

    seconds: dict[str, float]
    disk: int
    memory: int


def predicted(
    params: Params,
    work: Work,
    rates: Rates,
    unchanged: Collection[str] = (),
    workers: int = 1,
    at_a_time: bool = True,
) -> Costs:
    """What a run costs, in which the stages `unchanged` are not run.

    `workers` are the processes that estimate clouds, whose seconds pass `at_a_time` by the clock,
    and add up as processors count them. Of data-prep the start of its processes alone is told:
    nothing is known of a text before it is read.
    """
    counted = 1 if at_a_time else workers  # of as many that work at a time
    clouds = _estimate(params, work, rates) / workers * counted
    started = counted if workers > 1 else 0  # beside the stage itself
    parts = {
        "data-prep": 0.0,
        "finetune": _finetune(work, rates),
        "embed": _embed(work, rates),
        "token-sample": _state_bytes(work, rates) * rates.written,
        "estimate": clouds + rates.clouds.first + started * rates.starts["estimate"],
        "aggregate": rates.figures + _aggregated(work, rates),
    }
    run = [stage for stage in STAGES if stage not in unchanged]
    seconds = {stage: rates.starts[stage] + parts[stage] for stage in run}
    return Costs(seconds, _disk(params, work, rates, run), _memory(work, rates, run, workers))


def _finetune(work: Work, rates: Rates) -> float:
    if not work.steps:
        return 0.0
    passes = work.steps * work.step_tokens * rates.trained_token
    kept = work.kept * rates.checkpoint_bytes * rates.written
    return rates.load + passes + work.scored_tokens * rates.token + kept


def _embed(work: Work, rates: Rates) -> float:
    loads = work.checkpoints + work.prompt_models
    tokens = work.checkpoints * work.passed_tokens * rates.token
    prompt = work.prompt_tokens * rates.prompt_token + work.prompt_layers * rates.prompt_layer
    stored = _state_bytes(work, rates) * rates.written
    return loads * rates.load + tokens + work.prompt_models * work.prompts * prompt + stored


def _estimate(params: Params, work: Work, rates: Rates) -> float:
    own = rates.clouds
    rows = work.points / own.points
    graph = own.graph_pairs * rows**2 + (own.graph - own.graph_pairs) * rows
    asked = params.estimate.lpca.tokens
    tokens = work.points if asked == "all" else min(asked, work.points)
    cloud = graph + own.readings * rows + own.signals * _spectra(work, rates)
    cloud += own.lpca * tokens / own.lpca_tokens if own.lpca_tokens else 0.0
    surrogate = graph + own.surrogate * rows
    written = _table_bytes(work, rates) * rates.written
    return work.clouds * cloud + work.surrogates * surrogate + written


def _aggregated(work: Work, rates: Rates) -> float:
    own = rates.clouds
    return work.clouds * own.aggregated * work.points / own.points


def _spectra(work: Work, rates: Rates) -> float:
    """How much longer signals take: products of all rows, and eigenvalues of the smaller side."""
    own = rates.clouds

    def taken(points: int) -> float:
        smaller = min(points, rates.width)
        return points * log2(points) * rates.width + smaller**3

    return taken(work.points) / taken(own.points)


def _state_bytes(work: Work, rates: Rates) -> int:
    widths = [rates.width] * work.layers
    return needs.hidden_states(work.stored_tokens, widths, work.checkpoints)


def _query_bytes(params: Params, work: Work, rates: Rates) -> int:
    """Lists of queries, and the states of their neighbours, at most."""
    asked = params.embed.queries
    if not asked.count:
        return 0
    lists, lengths = len(asked.references) * len(asked.exclude), (asked.neighbours, asked.vectors)
    of_each = needs.query_lists(asked.count, work.passed_tokens, lists, lengths, [rates.width])
    return of_each.disk * (work.clouds // len(params.token_sample.seeds))


def _table_bytes(work: Work, rates: Rates) -> float:
    return work.clouds * rates.clouds.table_bytes * work.points / rates.clouds.points


def _disk(params: Params, work: Work, rates: Rates, run: Collection[str]) -> int:
    sizes = params.embed.prompts.gride_range, params.embed.prompts.overlap_k
    records = work.prompt_models * work.prompts
    prompts = needs.prompt_records(records, work.prompt_tokens, work.prompt_layers, *sizes)
    parts = {
        "finetune": work.kept * rates.checkpoint_bytes,
        "embed": _state_bytes(work, rates) + _query_bytes(params, work, rates) + prompts,
        "estimate": round(_table_bytes(work, rates)),
    }
    return sum(size for stage, size in parts.items() if stage in run)


def _memory(work: Work, rates: Rates, run: Collection[str], workers: int) -> int:
    cloud = memory_of(work.points, rates.width, rates.clouds.list_length)
    gathering = rates.start_memory if workers > 1 else 0
    parts = {
        "finetune": rates.training_memory,
        "embed": rates.model_memory,
        "estimate": gathering + workers * (rates.start_memory + cloud),
    }
    found = [size for stage, size in parts.items() if stage in run]
    return max([rates.start_memory, *found])
