"""`lm-geometry project`: one cloud as a map in the plane, coloured by local dimension or label."""

from pathlib import Path
from typing import Literal

import click

from lm_geometry.commands.command import Command, Name, examples
from lm_geometry.commands.completion import corpora, offered


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry project --checkpoint base 80",
        "lm-geometry project --corpus news --layer -1 --colour part_of_speech --method umap",
    ),
)
@click.option(
    "--checkpoint", multiple=True, metavar="STEP...", help="a panel each (base and aggregate's)"
)
@click.option("--corpus", help="corpus (the first)", shell_complete=offered(corpora))
@click.option("--split", help="its split (the first)")
@click.option("--layer", type=int, help="layer, negative from the end (aggregate.layer)")
@click.option("--sampling-seed", type=int, metavar="SEED", help="which cloud (the first)")
@click.option("--estimator", help="of local dimension (the first of estimate.estimators)")
@click.option("--n-neighbors", type=float, metavar="L", help="its L (aggregate.n_neighbors)")
@click.option("--method", type=Name(["tsne", "umap"]), default="tsne", help="default tsne")
@click.option(
    "--colour",
    default="dimension",
    metavar="COLUMN",
    help="dimension, or a column of the token table: label, tag, part_of_speech, document, …",
)
@click.option("--points", type=int, default=1500, metavar="N", help="tokens drawn (1500)")
@click.option(
    "--perplexity", type=int, metavar="K", help="t-SNE's (30), or UMAP's n_neighbors (15)"
)
@click.option("--seed", type=int, default=0, help="of the map (0)")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="default plots/projections"
)
def command(
    checkpoint: tuple[str, ...],
    corpus: str | None,
    split: str | None,
    layer: int | None,
    sampling_seed: int | None,
    estimator: str | None,
    n_neighbors: float | None,
    method: Literal["tsne", "umap"],
    colour: str,
    points: int,
    perplexity: int | None,
    seed: int,
    out: Path | None,
) -> None:
    """Draw a cloud in the plane by t-SNE or UMAP, coloured by local dimension or label.

    Prints where the page and the pictures are. In parentheses: what is taken where nothing is
    given.
    """
    from lm_geometry.aggregate.params import Aggregate
    from lm_geometry.projections.choice import choose
    from lm_geometry.projections.figure import draw_map
    from lm_geometry.workspace import paths

    asked = {
        "checkpoint": list(checkpoint) or None,
        "corpus": corpus,
        "split": split,
        "layer": layer,
        "sampling_seed": sampling_seed,
        "estimator": estimator,
        "n_neighbors": n_neighbors,
    }
    choice = choose(asked, Aggregate.read())
    folder = out or paths.PLOTS / "projections"
    for path in draw_map(choice, folder, colour, points, method, seed, perplexity):
        print(path)
