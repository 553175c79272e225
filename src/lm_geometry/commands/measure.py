"""`lm-geometry measure`: local dimensions by layer of any model on any texts."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lm_geometry.commands.command import Anywhere, examples
from lm_geometry.workspace.extras import naming_the_extra

if TYPE_CHECKING:
    from lm_geometry.estimate.params import LocalEstimator, Signal
    from lm_geometry.measure.compared import Compared
    from lm_geometry.measure.options import Options
    from lm_geometry.measure.prompts import PromptOptions
    from lm_geometry.measure.record import Measured


MODULE = "module:"


def _layer(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _place(text: str) -> Any:
    return {"module": text.removeprefix(MODULE)} if text.startswith(MODULE) else text


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


GROUPS = 10  # of documents, each left out by `--intervals` as tokens and as neighbours


@click.command(
    cls=Anywhere,
    epilog=examples(
        "lm-geometry measure smollm2 README.md --page readme.html",
        "lm-geometry measure /models/mine a.txt b.txt --layers 25%-100% --json",
        "lm-geometry measure smollm2 README.md --compare file:/models/tuned --layers 67% last",
    ),
)
@click.argument("model", help="alias of the catalogue, hub:ID[@revision], file:PATH or a path")
@click.argument(
    "texts",
    nargs=-1,
    required=True,
    help="text files, each a document; a folder of *.txt; or one corpus as in params.yaml",
)
@click.option("--compare", metavar="MODEL", help="another model, paired on the same tokens")
@click.option("--layers", multiple=True, metavar="LAYER...", help="0 … last, -1, 67%, 25%-100%")
@click.option("--n-neighbors", multiple=True, metavar="L...", help="neighbourhood sizes (64 128)")
@click.option("--exclude", multiple=True, metavar="READING...", help="(document none)")
@click.option("--estimators", multiple=True, metavar="NAME...", help="twonn, mle, lpca (twonn)")
@click.option("--signals", multiple=True, metavar="NAME...", help="of clouds: rankme, … (none)")
@click.option("--points", metavar="N", help="of a cloud, of 2 N tokens (3000); or as --where")
@click.option(
    "--where", metavar="PLACE", help="residual, attention, mlp or module:NAME in blocks (residual)"
)
@click.option("--max-length", type=int, metavar="TOKENS", help="of a sequence (512)")
@click.option(
    "--intervals/--no-intervals",
    default=None,
    help="by the jackknife, as --compare has them; else each neighbourhood is taken as given: "
    "faster, too narrow",
)
@click.option("--prompts", is_flag=True, help="each text as a cloud of its own, too")
@click.option("--prompt-tokens", type=int, metavar="TOKENS", help="of a prompt (1024)")
@click.option("--shuffles", type=int, multiple=True, metavar="S...", help="of prompts (0)")
@click.option("--wide", is_flag=True, help="every column, not only what fits 100 characters")
@click.option("--json", "as_json", is_flag=True, help="print JSON: the table, and how it was made")
@click.option("--csv", "as_csv", is_flag=True, help="print the table as CSV")
@click.option("--page", type=click.Path(path_type=Path), metavar="FILE", help="write a page, too")
def command(
    model: str,
    texts: tuple[str, ...],
    compare: str | None,
    layers: tuple[str, ...],
    wide: bool,
    as_json: bool,
    as_csv: bool,
    page: Path | None,
    prompts: bool,
    prompt_tokens: int | None,
    shuffles: tuple[int, ...],
    **given: Any,
) -> None:
    """Print the local dimension of a model's hidden states on texts, layer by layer.

    With --compare the differences, that model less MODEL, over the tokens that both kept. With
    --prompts also GRIDE dimension, overlap with the next layer and cosine of each text's first
    tokens; --shuffles 0 5: as they are, and in 4**5 blocks of random order.
    """
    asked_of_prompts = _prompts(prompts, prompt_tokens, shuffles)
    if compare is not None and asked_of_prompts is not False:
        raise click.UsageError("--prompts is not allowed with --compare")
    if as_json and as_csv:
        raise click.UsageError("--json is not allowed with --csv")
    with naming_the_extra("it", "models"):
        from lm_geometry.measure.model_names import as_in_params
        from lm_geometry.measure.texts import read_texts
    for name in [model] if compare is None else [model, compare]:
        as_in_params(name)  # a mistake is told before what loads models is imported
    with contextlib.redirect_stdout(sys.stderr):
        read = read_texts(texts[0] if len(texts) == 1 else [Path(text) for text in texts])
    with naming_the_extra("it", "models"):
        from lm_geometry.measure.call import measure
        from lm_geometry.measure.compared import compare as compared

    asked = [_layer(layer) for layer in layers] or "all"
    if asked == ["all"]:
        asked = "all"
    options = _options(**given)
    with contextlib.redirect_stdout(sys.stderr):  # what loading and passing tell is no result
        if compare is None:
            found = measure(model, read, asked, prompts=asked_of_prompts, **options)
        else:
            found = compared(model, compare, read, asked, **options)
        if page is not None:
            print(found.save(page))
    print(_shown(found, as_json, as_csv, wide), end="")


def _prompts(wanted: bool, tokens: int | None, shuffles: tuple[int, ...]) -> "bool | PromptOptions":
    """What was asked of prompts; `--prompt-tokens` and `--shuffles` ask for them as well."""
    options: PromptOptions = {}
    if tokens is not None:
        options["tokens"] = tokens
    if shuffles:
        options["shuffles"] = list(shuffles)
    return options or wanted


def _options(
    n_neighbors: tuple[str, ...],
    exclude: tuple[str, ...],
    estimators: "tuple[LocalEstimator, ...]",
    signals: "tuple[Signal, ...]",
    points: str | None,
    where: str | None,
    max_length: int | None,
    intervals: bool | None,
) -> "Options":
    """What was given, by the names of `measure`; the others stay as they are there."""
    options: Options = {}
    if n_neighbors:
        options["n_neighbors"] = [_number(size) for size in n_neighbors]
    if exclude:
        options["exclude"] = list(exclude)
    if estimators:
        options["estimators"] = list(estimators)
    if signals:
        options["signals"] = list(signals)
    if points is not None and not points.isdigit():
        if where is not None:
            raise click.UsageError(f"--points {points} is no number, and --where is given, too")
        points, where = None, points
    if where is not None:
        options["where"] = _place(where)
    if points is not None:
        number = int(points)
        options |= {"points": number, "prepared": 2 * number, "keep_tokens": 2 * number}
    if max_length is not None:
        options["max_length"] = max_length
    if intervals is not None:
        options["jackknife"] = GROUPS if intervals else 0
    return options


def _shown(found: "Measured | Compared", as_json: bool, as_csv: bool, wide: bool) -> str:
    import json

    from lm_geometry.measure.record import printed
    from lm_geometry.revisions.narrow import narrowed
    from lm_geometry.revisions.spreadsheets import inert

    if as_csv:
        return inert(found.table).to_csv(index=False)
    if as_json:
        rows = json.loads(str(found.table.to_json(orient="records", double_precision=15)))
        return (
            json.dumps({"about": found.about, "table": rows}, ensure_ascii=False, indent=1) + "\n"
        )
    about = "\n".join(f"{name}: {told}" for name, told in found.about.items())
    table = printed(found.table) if wide else narrowed(found.table)
    return f"{about}\n\n{table}\n"
