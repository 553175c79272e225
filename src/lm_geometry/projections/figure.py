"""A map as files: an interactive page that needs no network, and pictures."""

import json
import re
from html import escape
from pathlib import Path

import altair as alt
import pandas as pd

from lm_geometry.aggregate.described import ESTIMATORS, reading
from lm_geometry.figures.export import render
from lm_geometry.outs.data_prep.model import read_model_source
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.embed.hidden_states import COMBINED
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.projections.chart import chart
from lm_geometry.projections.choice import Choice
from lm_geometry.projections.mapped import DIMENSION, map_tokens
from lm_geometry.projections.reduction import COMPONENTS, PERPLEXITY, Method
from lm_geometry.workspace.files import whole_file

METHODS = {"tsne": ("t-SNE", "perplexity"), "umap": ("UMAP", "neighbours")}


def draw_map(
    choice: Choice,
    folder: Path,
    colour: str,
    points: int,
    method: Method,
    seed: int,
    perplexity: int | None,
) -> list[Path]:
    """Paths of the page and pictures of `choice`'s clouds, drawn into `folder`.

    Raises ValueError as `map_tokens` does, and where umap-learn is asked for and not installed.
    """
    try:
        mapped = map_tokens(choice, colour, points, method, seed, perplexity=perplexity)
    except ImportError as error:
        raise ValueError(error) from None
    drawn = figure(mapped, choice, colour, method, seed, perplexity)
    return write_map(drawn, folder, file_stem(choice, colour, method, seed))


def figure(
    points: pd.DataFrame,
    choice: Choice,
    colour: str,
    method: Method,
    seed: int,
    perplexity: int | None = None,
) -> alt.FacetChart:
    """The chart of `map_tokens`' points, with the words that say what they are."""
    cloud, word = choice.clouds[0], METHODS[method]
    measured = f"{ESTIMATORS[choice.estimator]}, L = {choice.n_neighbors:g}"
    legend = f"local dimension ({measured})" if colour == DIMENSION else colour.replace("_", " ")
    title = f"{word[0]} of {cloud.split.corpus}, {cloud.split.split}, {_layer(cloud)}"
    tokens = points["row"].nunique()
    size = PERPLEXITY[method] if perplexity is None else perplexity
    says = [
        f"{read_model_source().label} · {tokens:,} tokens · up to {COMPONENTS} principal "
        f"components, then {word[0]} ({word[1]} {size}, seed {seed})",
        "Read who is near whom: how far groups lie apart, and how dense they are, is no result.",
    ]
    if colour == DIMENSION and choice.exclude != NONE:
        says.append(f"Local dimensions: {reading(choice.exclude)} alone count.")
    if len(choice.clouds) > 1:
        says.append("The same tokens in every panel; each map is its own, turned onto the first.")
    return chart(points, legend, title, says)


def file_stem(choice: Choice, colour: str, method: Method, seed: int) -> str:
    """Name of the figure's files, such as `news-test-layer-20-seed-0-base-80-tsne-0-twonn-128`."""
    cloud = choice.clouds[0]
    steps = "-".join(cloud.checkpoint for cloud in choice.clouds)
    read = "" if choice.exclude == NONE else f"-{choice.exclude}"
    shown = f"{choice.estimator}-{choice.n_neighbors:g}{read}" if colour == DIMENSION else colour
    place = f"{cloud.split.corpus}-{cloud.split.split}-{_layer(cloud).replace(' ', '-')}"
    return f"{place}-seed-{cloud.sampling_seed}-{steps}-{method}-{seed}-{shown}"


def write_map(drawn: alt.FacetChart, folder: Path, stem: str) -> list[Path]:
    """Paths of the page and pictures, `folder/<stem>.html`, `.png` and `.svg`.

    The same chart gives the same bytes, and nothing in them is fetched from elsewhere.
    """
    pictures = render(drawn)
    files = {"html": page(drawn, stem), "png": pictures["png"], "svg": _numbered(pictures["svg"])}
    written = []
    for suffix, content in files.items():
        path = folder / f"{stem}.{suffix}"
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
        written.append(path)
    return written


def page(drawn: alt.FacetChart, name: str) -> bytes:
    """An HTML page of the chart with Vega, Vega-Lite and vega-embed inside."""
    text = drawn.to_html(inline=True, json_kwds={"cls": _InsideScript})
    return text.replace("<head>", f"<head>\n  <title>{escape(name)}</title>", 1).encode()


def _numbered(svg: bytes) -> bytes:
    """The picture with its clips and gradients numbered from 0; Vega counts on from the last."""
    numbers: dict[bytes, int] = {}

    def renumber(found: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(found["id"], len(numbers))
        return found["before"] + b"definition%d" % number

    return re.sub(rb'(?P<before>id="|url\(#)(?P<id>(?:clip|gradient_)\d+)', renumber, svg)


class _InsideScript(json.JSONEncoder):
    """JSON that no token such as `</script>` can break out of."""

    def encode(self, o: object) -> str:
        return super().encode(o).replace("<", "\\u003c")


def _layer(cloud: Cloud) -> str:
    return "layers combined" if cloud.layer == COMBINED else f"layer {cloud.layer}"
