"""Do the intervals hold the truth? Halves of the documents of a run, drawn again and again.

    python benchmarks/interval_coverage.py --layers 20 30 --samples 400

The population are the documents of the last `dvc repro`, with the hidden states of base and of the
last checkpoint. A sample is half of the documents of a corpus with all their tokens; its neighbours
are found among its own tokens, and the change of the mean local dimension gets the interval of the
delete-a-group jackknife, with the factor 1 − 1/2 that a sample from a finite population has; its
seven groups hold as many documents as ten groups of the whole corpus do, or nearly. The factor is
that of a sum over documents: what hangs on pairs of documents varies less, by 1/4, so that halves
make the interval look wider than it is where documents are drawn from a larger world. The
truth is the mean over all samples: half as many tokens are another scale than all of them. Written
to benchmarks/interval_coverage.json, in place of what it has of these layers.
"""

import argparse
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from lm_geometry import excluding, neighbour_graph, remaining
from lm_geometry.dimension.without_groups import WithoutGroups, local_without_groups
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.neighbours import NeighbourGraph
from lm_geometry.outs.estimate.clouds import read_estimated
from lm_geometry.outs.token_sample.clouds import Cloud, read_cloud
from lm_geometry.point_cloud.shapes import Bool, Float64, Int64
from lm_geometry.statistics.jackknife import jackknife_variance
from lm_geometry.statistics.means import satterthwaite
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.seeds import stream

RESULTS = Path(__file__).with_name("interval_coverage.json")
SHARE = 0.5  # of the documents of a corpus in a sample
# Lists of the population and of a sample, in neighbourhoods. In the last layer members of a
# neighbourhood do not have each other on short lists, and a distance measured anew costs ten times
# one that is looked up.
LISTS = 8
LISTS_OF_SAMPLE = 2
CONFIDENCE = 0.95
DEGREES = 9  # of ten groups


@dataclass(frozen=True)
class Samples:
    """The change in every sample of one corpus, its variance and degrees of freedom."""

    change: Float64[np.ndarray, "samples"]
    variance: Float64[np.ndarray, "samples"]
    degrees: Float64[np.ndarray, "samples"]

    def row(self) -> dict[str, float]:
        """Spread, error and coverage of the change of one corpus."""
        half = stats.t.ppf(0.5 + CONFIDENCE / 2, self.degrees) * np.sqrt(self.variance)
        held = np.abs(self.change - self.change.mean()) <= half
        return _row(self.change.std(ddof=1), np.sqrt(self.variance.mean()), held, len(held))

    def minus(self, other: "Samples") -> dict[str, float]:
        """The same of the difference of changes, over all pairs of samples of two corpora."""
        difference = self.change[:, None] - other.change
        variance = self.variance[:, None] + other.variance
        mine = self.variance[:, None], self.degrees[:, None]
        degrees = satterthwaite(*mine, other.variance, other.degrees)
        half = stats.t.ppf(0.5 + CONFIDENCE / 2, degrees) * np.sqrt(variance)
        held = np.abs(difference - difference.mean()) <= half
        spread = np.hypot(self.change.std(ddof=1), other.change.std(ddof=1))
        return _row(spread, np.sqrt(variance.mean()), held.mean(axis=1), len(held))


def _row(
    spread: float,
    error: float,
    held: Bool[np.ndarray, "samples"] | Float64[np.ndarray, "samples"],
    samples: int,
) -> dict[str, float]:
    coverage = float(held.mean())
    return {
        "spread": round(float(spread), 4),
        "error": round(float(error), 4),
        "coverage": round(coverage, 4),
        "coverage_error": round(float(np.sqrt(coverage * (1 - coverage) / samples)), 4),
        "samples": samples,
        "of_new_documents": round(coverage_of_new(spread, error), 4),
    }


def coverage_of_new(spread: float, error: float) -> float:
    """The coverage where documents are new ones, by what halves tell of pairs.

    With a part v of the variance that is a sum over documents and a part w that hangs on pairs,
    halves vary by v / 2 + w / 4, and the jackknife with its factor takes (v + 2 w) / 2 for that
    (Efron, Stein 1981). Both are known, so that w / v is; of new documents the variance is v + w,
    and the jackknife takes v + 2 w for it. Student's t of the nine degrees of ten groups.
    """
    ratio = (error / spread) ** 2
    pairs = max((ratio - 1) / (2 - ratio / 2), 0.0)  # w / v
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, DEGREES) * np.sqrt((1 + 2 * pairs) / (1 + pairs))
    return float(2 * stats.t.cdf(half, DEGREES) - 1)


@dataclass(frozen=True)
class Population:
    """Both states of the tokens of a corpus at one layer, under one reading."""

    clouds: list[Float64[np.ndarray, "tokens width"]]
    graphs: list[NeighbourGraph]
    rows: Int64[np.ndarray, "tokens"]  # of the token table
    document: Int64[np.ndarray, "tokens"]

    def changes(
        self, kept: Bool[np.ndarray, "tokens"], group: Int64[np.ndarray, "kept"], n_neighbors: int
    ) -> WithoutGroups:
        """The change of the local dimension of each token kept, and without each group."""
        sides = []
        for X, graph in zip(self.clouds, self.graphs, strict=True):
            left = remaining(graph, kept, LISTS_OF_SAMPLE * n_neighbors, X)
            sides.append(local_without_groups(left, n_neighbors, group, X=X[kept]))
        before, after = sides
        return WithoutGroups(after.values - before.values, after.without - before.without)


def mean_and_variance(found: WithoutGroups) -> tuple[float, float]:
    """The mean over tokens, and its jackknife variance."""
    without = np.nanmean(found.without, axis=1)
    return float(np.nanmean(found.values)), float(jackknife_variance(without))


def population(clouds: list[Cloud], exclude: str, n_neighbors: int) -> Population:
    """The tokens that both clouds of a corpus hold, and their graphs."""
    (X, rows), (Y, others) = (read_cloud(cloud) for cloud in clouds)
    common, mine, its = np.intersect1d(rows, others, return_indices=True)
    readings = Readings(clouds[0].split, 0, 0)
    labels = readings.labels(exclude, common)
    states = [np.asarray(X)[mine], np.asarray(Y)[its]]
    graphs = [neighbour_graph(Z, min(LISTS * n_neighbors, len(Z) - 1)) for Z in states]
    if labels.shape[1]:
        graphs = [
            excluding(graph, labels, int(0.85 * graph.n_neighbors), Z)
            for graph, Z in zip(graphs, states, strict=True)
        ]
    return Population(states, graphs, common, readings.document_of(common))


def draw_samples(
    whole: Population, samples: int, groups: int, n_neighbors: int, generator: np.random.Generator
) -> Samples:
    """The change in `samples` halves of the documents."""
    documents = np.unique(whole.document)
    size = round(SHARE * len(documents))
    dealt = min(groups, size)
    found = []
    for _ in progress(range(samples), "samples"):
        chosen = generator.permutation(documents)[:size]
        place = np.full(documents.max() + 1, -1)
        place[chosen] = np.arange(size) % dealt
        kept = place[whole.document] >= 0
        changes = whole.changes(kept, place[whole.document[kept]], n_neighbors)
        found.append(mean_and_variance(changes))
    change, variance = np.array(found).T
    finite = (1 - size / len(documents)) * variance
    return Samples(change, finite, np.full(samples, dealt - 1.0))


def main() -> None:
    """Draw the samples that were asked for, and write benchmarks/interval_coverage.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[20])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--groups", type=int, default=7, help="groups of the jackknife")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    estimated, settings = read_estimated(), Estimate.read()
    n_neighbors = int(settings.n_neighbors[-1])
    last, seed = estimated.embedded.checkpoints[-1], estimated.sampling_seeds[0]
    there = read_json(RESULTS) if RESULTS.exists() else []
    rows = [row for row in there if row["layer"] not in asked.layers]
    for layer in asked.layers:
        for exclude in settings.exclude:
            found = {}
            for split in estimated.embedded.splits:
                clouds = [Cloud(name, split, layer, seed) for name in ("base", last)]
                whole = population(clouds, exclude, n_neighbors)
                generator = stream(asked.seed, "coverage", split.corpus, layer)
                found[split.corpus] = draw_samples(
                    whole, asked.samples, asked.groups, n_neighbors, generator
                )
            keys = {"layer": layer, "exclude": exclude}
            rows += [keys | {"change": name} | of.row() for name, of in found.items()]
            first, *controls = found.items()
            for name, of in controls:
                both = f"{first[0]} − {name}"
                rows.append(keys | {"change": both} | first[1].minus(of))
            print(pd.DataFrame(rows).to_string(), flush=True)
            write_json(RESULTS, sorted(rows, key=itemgetter("layer")))


if __name__ == "__main__":
    main()
