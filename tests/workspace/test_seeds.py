"""Random streams: the same for the same cell, independent of every other one."""

import subprocess
import sys

import numpy as np
from scipy import stats

from lm_geometry.workspace.seeds import stream
from tests.structure import ROOT


def test_a_stream_depends_on_its_seed_and_names_alone() -> None:
    first = stream(0, "embed", "news", "train").integers(2**62, size=8)
    stream(0, "embed", "speeches", "train").integers(2**62, size=1000)  # another cell is drawn
    np.testing.assert_array_equal(
        stream(0, "embed", "news", "train").integers(2**62, size=8), first
    )


def test_every_change_of_seed_or_names_gives_another_stream() -> None:
    cells = [
        (0, "a", "b"),
        (1, "a", "b"),
        (0, "b", "a"),
        (0, "ab"),
        (0, "a", "b", ""),
        (0, "a"),
        (0, "a", 1),
        (0, "a", 2),
        (0,),
    ]
    drawn = {tuple(stream(*cell).integers(2**62, size=2).tolist()) for cell in cells}
    assert len(drawn) == len(cells)


def test_streams_are_the_same_in_another_process() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from lm_geometry.workspace.seeds import stream\n"
        "print(stream(3, 'x', 7).integers(2**62))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == int(stream(3, "x", 7).integers(2**62))


def test_streams_of_neighbouring_cells_are_uncorrelated_and_uniform() -> None:
    drawn = np.array([stream(0, "epoch", i).random(200) for i in range(100)])
    correlations = np.corrcoef(drawn)[np.triu_indices(100, 1)]
    assert np.abs(correlations).max() < 0.35  # 4950 pairs, standard deviation 0.071
    assert abs(correlations.mean()) < 0.005
    assert stats.kstest(drawn[:, 0], "uniform").pvalue > 1e-3
