"""How far noise moved a cloud: the distance is that of the points that were estimated."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.estimate.clouds import Estimated, write_index
from lm_geometry.outs.token_sample import clouds
from lm_geometry.studies.numbers.runs import distances
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE


@pytest.mark.parametrize("paper", [False, True])
def test_the_noisy_cloud_is_the_one_that_was_estimated(project: Path, paper: bool) -> None:
    cloud = clouds.Cloud("base", CorpusSplit("a", "test"), 3, 42)
    index = {"seeds": [42], "noise": 0.5, "noise_seed": 7, "paper": paper}
    write_json(clouds.INDEX, index)
    states = paths.cell(paths.HIDDEN_STATES, "base", "a", "test")
    generator = np.random.default_rng(0)
    with array_folder(states, {"layer-03.npy": (30, 4)}, {}) as arrays:
        arrays["layer-03.npy"][:] = generator.normal(size=(30, 4))
    write_array(cloud.file, np.arange(29, 4, -1))
    embedded = Embedded(["base"], [cloud.split], [3], depth=4)
    write_index(Estimated(embedded, [42], ["twonn"], [64], "i/n"))
    clean, noisy = clouds.read_clean_cloud(cloud)[0], clouds.read_cloud(cloud)[0]
    assert 0.4 < np.std(noisy - clean) < 0.6
    collected: Any = SimpleNamespace(revision=WORKSPACE, layer=3)
    (row,) = distances(collected).to_dict("records")
    assert row == {"checkpoint": "base", "corpus": "a", "split": "test", "layer": 3} | {
        "hausdorff": hausdorff(clean, noisy).distance
    }
