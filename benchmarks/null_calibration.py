"""How often is a remainder found where there is none? Null models of surrogates.

    python benchmarks/null_calibration.py --kinds gaussian token_means
    python benchmarks/null_calibration.py --kinds exchanged_residuals --draws 5 --tests FILE

Of the states of the last run, base and last checkpoint. A surrogate of each cloud is taken for the
data: its mean local dimension at base and its change are compared with a null model of the same
kind fitted to it, as the aggregate stage does. 240 tests a kind: corpora, layers and draws of the
data. null_calibration.csv has how many were found at 5 % to be no draw of their null model, in how
many the interval of the remainder over documents left 0 out, how far remainders were from 0 on
average, and their spread against that of draws and the standard error over documents. Kinds that
are not named keep their rows. About 4 processor-seconds a test of 1,000 tokens of 576 coordinates,
three times that of exchanged residuals and of permuted components.

With --tests each test is kept in that file, and those that stand there are not made again.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from lm_geometry.aggregate.remainders import Draws
from lm_geometry.dimension.twonn import local_from_graph
from lm_geometry.dimension.without_groups import local_without_groups
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_embedded
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import Cloud, Points, read_cloud, read_seeds
from lm_geometry.point_cloud.shapes import Float64, Int64
from lm_geometry.statistics import jackknifed
from lm_geometry.surrogates import KINDS, Kind, null_model
from lm_geometry.surrogates.kinds import REFITTED
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import Row

FILE = Path(__file__).with_name("null_calibration.csv")
TESTS, LEVEL, LONGER = 240, 0.05, 1.4  # lists are so much longer than L for the jackknife
Labels = Int64[np.ndarray, "tokens"]
Names = tuple[int, str]  # draw of the data, corpus and layer


@dataclass(frozen=True)
class Tested:
    """One number of data that are a surrogate, against the null model fitted to them."""

    of: str  # mean or change
    remainder: float
    error: float  # of the remainder, over documents and draws
    deviation: float  # of draws
    p_value: float  # of the remainder over documents
    null_p_value: float  # of being one more draw


@dataclass(frozen=True)
class Tokens:
    """What a cloud's tokens are labelled by, and how they are measured."""

    tokens: Labels
    documents: Labels
    groups: Labels
    size: int  # L

    def labels(self, kind: Kind) -> dict[str, Labels]:
        """The labels that a null model of the kind takes."""
        given = {"tokens": self.tokens, "documents": self.documents}
        return given if kind in ("token_means", "exchanged_residuals") else {}

    def read(self, X: Points) -> float:
        """The mean local dimension, neighbours of a token's own document left out."""
        graph = neighbour_graph(X, self.size, exclude=self.documents)
        return float(np.nanmean(local_from_graph(graph, self.size, X=X)))

    def read_again(
        self, drawn: Sequence[Points], kind: Kind, names: Names
    ) -> Float64[np.ndarray, "draws"] | None:
        """The same of a surrogate of each surrogate, where the stage draws one."""
        if kind not in REFITTED:
            return None
        found = []
        for number, X in enumerate(drawn):
            model = null_model(X, kind, **self.labels(kind))
            again = model.surrogate(stream(names[0], "again", kind, names[1], number))
            found.append(self.read(again.astype(X.dtype)))
        return np.array(found)

    def measured(self, X: Points) -> tuple[float, Float64[np.ndarray, "groups"]]:
        """The same, and what it is without each group of documents."""
        length = min(round(LONGER * self.size), len(X) - 1 - np.bincount(self.documents).max())
        graph = neighbour_graph(X, length, exclude=self.documents)
        found = local_without_groups(graph, self.size, self.groups, X=X)
        return float(np.nanmean(found.values)), np.nanmean(found.without, axis=1)


def remainders(
    states: Sequence[Points], of: Tokens, kind: Kind, draw: int, draws: int, place: str
) -> Iterator[Tested]:
    """The mean and the change of surrogates of the states at base and the last checkpoint."""
    values, deletions, read = [], [], []
    for X in states:
        model = null_model(X, kind, **of.labels(kind))
        data = model.surrogate(stream(draw, "data", kind, place)).astype(X.dtype)
        value, without = of.measured(data)
        again = null_model(data, kind, **of.labels(kind))
        drawn = [
            again.surrogate(stream(draw, "null", kind, place, number)).astype(X.dtype)
            for number in range(draws)
        ]
        own = np.array([of.read(one) for one in drawn])
        read.append(Draws(own, of.read_again(drawn, kind, (draw, place))))
        values.append(value)
        deletions.append(without)
    count = len(of.tokens), int(of.documents.max()) + 1
    mean = jackknifed(values[0], deletions[0], *count)
    change = jackknifed(values[1] - values[0], deletions[1] - deletions[0], *count)
    for name, data, null in (("mean", mean, read[0]), ("change", change, read[1] - read[0])):
        left = data - null.mean
        spread, of_null = float(null.values.std(ddof=1)), null.p_value_of(data.value)
        yield Tested(name, left.value, left.standard_error, spread, left.p_value(), of_null)


def summary(of: str, own: pd.DataFrame) -> Row:
    """How often something was found in tests of one kind and number."""
    count = int((own["null_p_value"] < LEVEL).sum())
    share = stats.binomtest(count, len(own)).proportion_ci(method="exact")
    return {
        "of": of,
        "tests": len(own),
        "found": count,
        "share": round(count / len(own), 4),
        "lower": round(share.low, 4),
        "upper": round(share.high, 4),
        "by_interval": round(float((own["p_value"] < LEVEL).mean()), 4),
        "remainder": round(float(own["remainder"].mean()), 4),
        "deviation": round(float(own["remainder"].std(ddof=1)), 4),
        "of_draws": round(float(np.sqrt(np.mean(np.square(own["deviation"])))), 4),
        "error": round(float(np.sqrt(np.mean(np.square(own["error"])))), 4),
    }


def tokens_of(split: CorpusSplit, rows: Labels, size: int) -> Tokens:
    """Labels of the tokens in those rows of the split's token table."""
    chosen = Estimate.read().jackknife
    readings = Readings(split, chosen.groups, chosen.seed)
    token = np.unique(readings.labels("token", rows)[:, 0], return_inverse=True)[1]
    document = np.unique(readings.document_of(rows), return_inverse=True)[1]
    return Tokens(token.astype(np.int64), document, readings.group_of(rows), size)


def tests_of(
    kind: Kind, split: CorpusSplit, layer: int, draw: int, asked: argparse.Namespace
) -> pd.DataFrame:
    """The two tests of one kind, corpus, layer and draw of the data."""
    ends = (BASE, read_embedded().checkpoints[-1])
    clouds = [Cloud(end, split, layer, read_seeds()[0]) for end in ends]
    (base, rows), (later, _) = map(read_cloud, clouds)
    name = f"{split.corpus}-{layer}"
    kept = np.sort(stream(draw, "tokens", name).permutation(len(rows))[: asked.points])
    of = tokens_of(split, rows[kept], asked.size)
    found = remainders([base[kept], later[kept]], of, kind, draw, asked.draws, name)
    own = {"kind": kind, "draw": draw, "place": name}
    return pd.DataFrame([own | vars(test) for test in found])


def main() -> None:
    """Write benchmarks/null_calibration.csv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    parser.add_argument("--points", type=int, default=1000, help="tokens of a cloud")
    parser.add_argument("--size", type=int, default=128, help="L")
    parser.add_argument("--draws", type=int, default=10, help="surrogates of a null model")
    parser.add_argument("--tests", type=Path, help="file of single tests, which are kept there")
    asked = parser.parse_args()
    embedded = read_embedded()
    places = [(split, layer) for split in embedded.splits for layer in embedded.layers]
    for kind in asked.kinds:
        found = pd.read_csv(asked.tests) if asked.tests and asked.tests.exists() else pd.DataFrame()
        for draw in range(TESTS // len(places)):
            for split, layer in places:
                own = {"kind": kind, "draw": draw, "place": f"{split.corpus}-{layer}"}
                same = [found[name] == value for name, value in own.items() if len(found)]
                if same and np.all(same, axis=0).any():
                    continue
                found = pd.concat([found, tests_of(kind, split, layer, draw, asked)])
                if asked.tests:
                    found.to_csv(asked.tests, index=False)
            print(kind, draw, len(found) // 2, "tests", flush=True)
        write_summary(kind, found[found["kind"] == kind], asked)


def write_summary(kind: Kind, found: pd.DataFrame, asked: argparse.Namespace) -> None:
    """Put the rows of a kind into null_calibration.csv, in place of those that it had."""
    how = {"kind": kind, "points": asked.points, "draws": asked.draws}
    rows = [how | summary(of, found[found["of"] == of]) for of in ("mean", "change")]
    others = pd.read_csv(FILE)
    table = pd.concat([others[others["kind"] != kind], pd.DataFrame(rows)], ignore_index=True)
    table.to_csv(FILE, index=False, columns=[*rows[0]])


if __name__ == "__main__":
    main()
