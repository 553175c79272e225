"""`lm-geometry project`: one cloud as a map in the plane, coloured by local dimension or label."""

import argparse
from pathlib import Path

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.workspace import paths

FOLDER = paths.PLOTS / "projections"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    option = parser.add_argument
    option("--checkpoint", nargs="+", metavar="STEP", help="a panel each (base and aggregate's)")
    option("--corpus", help="corpus (the first)")
    option("--split", help="its split (the first)")
    option("--layer", type=int, help="layer, negative from the end (aggregate.layer)")
    option("--sampling-seed", type=int, metavar="SEED", help="which cloud (the first)")
    option("--estimator", help="of local dimension (the first of estimate.estimators)")
    option("--n-neighbors", type=float, metavar="L", help="its L (aggregate.n_neighbors)")
    option("--method", choices=["tsne", "umap"], default="tsne", help="default tsne")
    option(
        "--colour",
        default="dimension",
        metavar="COLUMN",
        help="dimension, or a column of the token table: label, tag, part_of_speech, document, …",
    )
    option("--points", type=int, default=1500, metavar="N", help="tokens drawn (1500)")
    option("--perplexity", type=int, metavar="K", help="t-SNE's (30), or UMAP's n_neighbors (15)")
    option("--seed", type=int, default=0, help="of the map (0)")
    option("--out", type=Path, default=FOLDER, metavar="FOLDER", help="default plots/projections")


def run(arguments: argparse.Namespace) -> None:
    """Draw the map and print where its page and pictures are."""
    from lm_geometry.projections.choice import choose
    from lm_geometry.projections.figure import figure, file_stem, write_map
    from lm_geometry.projections.mapped import map_tokens

    choice = choose(vars(arguments), Aggregate.read())
    colour, method, seed = arguments.colour, arguments.method, arguments.seed
    try:
        points = map_tokens(
            choice, colour, arguments.points, method, seed, perplexity=arguments.perplexity
        )
    except ImportError as error:
        raise ValueError(error) from None
    drawn = figure(points, choice, colour, method, seed, arguments.perplexity)
    for path in write_map(drawn, arguments.out, file_stem(choice, colour, method, seed)):
        print(path)
