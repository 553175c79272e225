"""The published local estimates of real RoBERTa embeddings, token by token.

The folder with the published arrays is named by LM_GEOMETRY_REFERENCE; nothing of it is kept here.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from lm_geometry import local_dimension

FOLDER = Path(os.environ.get("LM_GEOMETRY_REFERENCE", "")) / "reference" / "roberta"

pytestmark = pytest.mark.skipif(
    not os.environ.get("LM_GEOMETRY_REFERENCE"),
    reason="LM_GEOMETRY_REFERENCE does not name the folder of published arrays",
)


def published(name):
    return np.load(FOLDER / f"{name}.npy")


@pytest.fixture(scope="module")
def embeddings():
    return published("multiwoz21_validation_base_layer-1")


def test_local_twonn_of_topo_llm(embeddings):
    ours = local_dimension(embeddings, 300, cdf="(i-1)/n", discard=0.1)
    np.testing.assert_allclose(ours, published("published_local_twonn_L300"), rtol=0, atol=1e-6)


def test_local_lpca_of_topo_llm(embeddings):
    ours = local_dimension(embeddings, 100, "lpca", rule="FO", alpha=0.05)
    np.testing.assert_array_equal(ours, published("published_local_lpca_fo_L100"))
