"""DADApy's own estimators, chosen by name: run where it is installed, refused clearly elsewhere."""

import subprocess
import sys

import numpy as np
import pytest

from lm_geometry import global_dimension, gride, neighbour_graph
from lm_geometry.dimension import with_dadapy
from tests.fixtures.seeded_clouds import CLOUDS

NAMES = ("dadapy.twonn", "dadapy.gride")


@pytest.fixture
def dadapy():
    return pytest.importorskip("dadapy", exc_type=ImportError)


@pytest.mark.parametrize("name", NAMES)
def test_without_dadapy_the_error_says_where_it_is_to_be_had(name, monkeypatch):
    monkeypatch.setattr(with_dadapy, "find_spec", lambda name: None)
    message = "DADApy is not installed, .*`make verify` makes .*pip install 'dadapy==0.3.4'"
    with pytest.raises(ImportError, match=message):
        global_dimension(CLOUDS["spread"](), name)


def test_options_are_named_before_anything_is_asked_of_dadapy():
    X = CLOUDS["spread"]()
    with pytest.raises(
        ValueError, match=r"dadapy\.twonn has no option 'cdf'; it has algorithm, mu"
    ):
        global_dimension(X, "dadapy.twonn", cdf="i/n")
    with pytest.raises(ValueError, match="algorithm is 'mle'; it must be 'base' or 'ml'"):
        global_dimension(X, "dadapy.twonn", algorithm="mle")
    with pytest.raises(ValueError, match=r"mu_fraction is 1\.0; it is a share between 0 and 1"):
        global_dimension(X, "dadapy.twonn", mu_fraction=1.0)
    with pytest.raises(ValueError, match="scale is 12; it must be a power of 2"):
        global_dimension(X, "dadapy.gride", scale=12)


@pytest.mark.parametrize("name", list(CLOUDS))
def test_dadapy_reads_our_neighbours_as_its_own(name, dadapy):
    X = CLOUDS[name]()
    data = dadapy.Data(coordinates=X, maxk=len(X) - 1)
    dimension, error, _ = data.return_id_scaling_gride(256)
    found = with_dadapy.gride(neighbour_graph(X, 256))
    np.testing.assert_allclose(found.dimension, dimension, rtol=1e-6)
    np.testing.assert_allclose(found.error, error, rtol=1e-6)
    assert global_dimension(X, "dadapy.gride", scale=8) == pytest.approx(dimension[2], rel=1e-6)
    for algorithm, fraction in (("base", 0.9), ("base", 0.6), ("ml", 0.9)):
        options = {"algorithm": algorithm, "mu_fraction": fraction}
        expected = data.compute_id_2NN(**options)[0]
        assert global_dimension(X, "dadapy.twonn", **options) == pytest.approx(expected, rel=1e-6)


def test_dadapy_agrees_with_ours(dadapy):
    X = CLOUDS["massive"]()
    graph = neighbour_graph(X, 256)
    ours, theirs = gride(X), with_dadapy.gride(graph)
    np.testing.assert_array_equal(ours.scale, theirs.scale)
    np.testing.assert_allclose(ours.dimension, theirs.dimension, rtol=1e-6)
    np.testing.assert_allclose(ours.error, theirs.error, rtol=1e-6)
    twonn = [global_dimension(X, name, graph=graph) for name in ("twonn", "dadapy.twonn")]
    assert twonn[0] == pytest.approx(twonn[1], rel=1e-6)


def test_numpy_prints_as_before(dadapy):
    code = """if True:
        import numpy as np
        from lm_geometry import global_dimension
        before = np.get_printoptions()
        global_dimension(np.random.default_rng(0).standard_normal((50, 4)), "dadapy.twonn")
        assert np.get_printoptions() == before
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
