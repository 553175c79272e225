"""Prompts: their split, what is kept of them, and whether the model has their layers."""

from collections.abc import Iterator

from lm_geometry.params.agreement.layers import number_of_layers, numbers_within
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params


def prompts_are_possible(params: Params, _: Catalogue) -> Iterator[str]:
    """The split can be told apart, ranks are powers of 2, and neighbours there are enough."""
    data, embed = params.data_prep, params.embed
    if data.order == "paper" and data.prompts.split != "all":
        yield (
            f"data_prep.prompts.split: {data.prompts.split!r} is not possible with "
            "data_prep.order paper, which puts sequences of one document into several splits: all"
        )
    span = embed.prompts.gride_range
    if span & (span - 1):
        yield f"embed.prompts.gride_range: {span} is not a power of 2 (2, 4 … 256)"
    if data.prompts.count and data.prompts.tokens - embed.prompts.drop_first < 3:
        yield f"data_prep.prompts.tokens: {data.prompts.tokens} are too few for a dimension"
    if data.prompts.count and embed.prompts.window > 1:
        yield from _window_leaves_enough(params)


def _window_leaves_enough(params: Params) -> Iterator[str]:
    """Every position has neighbours enough outside its window; a middle one has the fewest."""
    chosen, tokens = params.embed.prompts, params.data_prep.prompts.tokens
    inside = 2 * chosen.window - 1
    left = max(tokens - chosen.drop_first - inside, 0)
    for name in ("gride_range", "overlap_k"):
        asked = getattr(chosen, name)
        if left < asked:
            yield (
                f"embed.prompts.window: {chosen.window} leaves {left} neighbours of the "
                f"{tokens} tokens of a prompt, and embed.prompts.{name} needs {asked}"
            )


def layers_and_checkpoints_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model has the layers, each asked for once, and training keeps the steps."""
    model = params.model
    asked, steps = params.embed.prompts.layers, params.embed.prompts.checkpoints
    depth = number_of_layers(model, catalogue)
    if depth is not None:
        yield from numbers_within(depth, "embed.prompts.layers", model, asked, params.embed.points)
    if asked == []:
        yield "embed.prompts.layers: [] names no layer"
    trained = params.known_checkpoints()
    if trained is not None and not isinstance(steps, str):
        of = "model" if model.checkpoints else "finetune"
        for step in steps:
            if step not in trained:
                yield f"embed.prompts.checkpoints: {step} is not in {of}.checkpoints {trained}"
