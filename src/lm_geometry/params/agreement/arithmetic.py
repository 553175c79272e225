"""Task modular_arithmetic: its model, its equations, and what its training knows."""

from collections.abc import Iterator

from lm_geometry.params.agreement.layers import layers_within
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace.points import RESIDUAL, named

TASK = "modular_arithmetic"
MODEL, EQUATIONS = "modular-arithmetic", "equations"
TOKENS = 4  # of an equation
SCHEDULES = ("constant", "constant_with_warmup", "linear")
MOST_MEASUREMENTS = 5_000  # of two splits: a figure's file holds 10,000 records


def parts_belong_together(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The task, its model and its corpus are there together, or none of them is."""
    model, data, finetune = params.model, params.data_prep, params.finetune
    entry, corpora = catalogue.models.get(model.name), catalogue.corpora
    corpus = {"data_prep.train": [data.train], "data_prep.evaluate": data.evaluate}
    made = {
        f"finetune.task: {finetune.task}": (finetune.task == TASK, TASK),
        f"model.name: {model.name}": (entry is not None and entry.kind == "arithmetic", MODEL),
    }
    for key, names in corpus.items():
        equations = [n for n in names if n in corpora and corpora[n].reader == "equations"]
        right = EQUATIONS if key == "data_prep.train" else f"[{EQUATIONS}]"
        told = names[0] if key == "data_prep.train" else f"[{', '.join(names)}]"
        made[f"{key}: {told}"] = (equations == names, right)
        if equations and equations != names:
            yield f"{key}: {told}: equations are studied alone, as {right}"
    wanted = [right for is_so, right in made.values() if is_so]
    if not wanted:
        return
    for told, (is_so, right) in made.items():
        if not is_so:
            yield f"{told} does not go with {wanted[0]}: give {right}"
    if finetune.task == TASK and model.weights != "random":
        yield f"model.weights: {model.weights}: {MODEL} is trained from scratch: random"


def equations_are_whole(params: Params, _: Catalogue) -> Iterator[str]:
    """Every equation is prepared, for batches are drawn by its place among all of them."""
    data, finetune = params.data_prep, params.finetune
    if finetune.task != TASK:
        return
    for name in ("sequences", "train_sequences"):
        if getattr(data, name) != "all":
            yield f"data_prep.{name}: {getattr(data, name)}: {TASK} needs every equation: all"
    if data.keep != "all":
        yield f"data_prep.keep: {TASK} needs every equation, and equations have no speakers: all"
    if data.context:
        yield f"data_prep.context: {data.context}: equations have no turns: 0"
    if data.prompts.count:
        yield f"data_prep.prompts.count: {data.prompts.count}: {TASK} reads no text: 0"
    for split in data.measured_splits(finetune.task != "none"):
        if split not in ("train", "validation"):
            yield f"data_prep.splits: equations have no split {split}: [train, validation]"


def training_is_known(params: Params, _: Catalogue) -> Iterator[str]:
    """What training from scratch does not know is not asked for."""
    finetune = params.finetune
    if finetune.task != TASK:
        return
    dropout = {k: v for k, v in finetune.dropout.model_dump().items() if v is not None}
    known = {
        "method": (finetune.method == "full", "full"),
        "precision": (finetune.precision != "float16", "float32 or bfloat16"),
        "schedule": (finetune.schedule in SCHEDULES, ", ".join(SCHEDULES)),
        "accumulate": (finetune.accumulate == 1, "1"),
        "gradient_checkpointing": (not finetune.gradient_checkpointing, "false"),
        "freeze": (not finetune.freeze, "[]"),
        "report_to": (not finetune.report_to, "[]"),
        "score": (finetune.score == ["validation"], "[validation] (both splits are)"),
    }
    for name, (is_so, right) in known.items():
        if not is_so:
            yield f"finetune.{name}: {getattr(finetune, name)} does not suit task {TASK}: {right}"
    for name in dropout:
        yield f"finetune.dropout.{name}: task {TASK} has finetune.arithmetic.dropout: null"
    every, steps = finetune.arithmetic.evaluate_every, finetune.steps or 0
    if steps // every >= MOST_MEASUREMENTS:
        yield (
            f"finetune.arithmetic.evaluate_every: {every} measures {steps:,} steps "
            f"{steps // every:,} times, more than a figure holds: {-(-steps // 4_000)} or more"
        )


def states_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The embedded layers are those of the transformer, in the one mode that it has."""
    model, embed, aggregate = params.model, params.embed, params.aggregate
    layers = params.finetune.arithmetic.layers
    entry = catalogue.models.get(model.name)
    if entry is None or entry.kind != "arithmetic":
        return
    yield from layers_within(layers, model, embed, aggregate)
    if embed.points != RESIDUAL:
        yield f"embed.points: {named(embed.points)}: of {MODEL} the stream alone is read: residual"
    if embed.mode != "regular":
        yield f"embed.mode: {embed.mode} needs a masked language model: regular"
    if embed.max_length < TOKENS:
        yield f"embed.max_length: {embed.max_length}: an equation has {TOKENS} tokens"
    if embed.tag_parts_of_speech:
        yield "embed.tag_parts_of_speech: equations have no parts of speech: false"
    if embed.dtype != "float32":
        yield f"embed.dtype: {embed.dtype}: states of {MODEL} are computed in float32"
