"""finetune.watch: what is wrong with it is told before anything is run."""

from typing import Any, get_args

import pytest

from lm_geometry.estimate import params as estimate
from lm_geometry.finetune import watch_params
from lm_geometry.finetune.params import Finetune
from lm_geometry.params.check import ParamsError, check
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

RAW = read_yaml(ROOT / "params.yaml")
MODELS = read_yaml(ROOT / "catalogue" / "models.yaml")
CORPORA = read_yaml(ROOT / "catalogue" / "corpora.yaml")


def checked(watch: Any, **changes: Any) -> Finetune:
    own = {**RAW["finetune"], "watch": watch, **changes}
    return check({**RAW, "finetune": own}, MODELS, CORPORA).finetune


WRONG = [
    ("nonn", {}, "'nonn' is not valid"),
    ({"every": 0}, "finetune.watch.every: 0 is not valid: input should be greater than 0"),
    ({"layer": [1]}, "finetune.watch.layer: unknown parameter; did you mean 'layers'?"),
    ({"layers": [31]}, "finetune.watch.layers: smollm2 has no layer 31"),
    ({"layers": [30, -1]}, "finetune.watch.layers: [30, -1] names a layer twice"),
    ({"layers": []}, "finetune.watch.layers: [] is not valid: [] names no layer"),
    ({"n_neighbors": 2000}, "finetune.watch.n_neighbors: 2,000 neighbours of a token need more"),
    ({"groups": 1}, "finetune.watch.groups: 1 is not valid: one group is all documents"),
    ({"signals": ["rankme"] * 2}, "each signal once"),
    ({"points": 10**7}, "finetune.watch.points: 1e+07 is too large: at most 1,000,000"),
    ({}, {"task": "none"}, "finetune.task none trains nothing that could be watched"),
    ({}, {"task": "modular_arithmetic"}, "learns equations and reads no text that could be"),
]


@pytest.mark.parametrize(
    ("watch", "changes", "told"),
    [case if isinstance(case[1], dict) else (case[0], {}, case[1]) for case in WRONG],
)
def test_what_is_wrong_is_told(watch: Any, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ParamsError) as raised:
        checked(watch, **changes)
    assert any(told in line for line in str(raised.value).splitlines())


def test_layers_are_named_as_everywhere() -> None:
    assert checked("none").watch == "none"
    watch = checked({"every": 20, "layers": ["67%", "last"], "points": 1500}).watch
    assert isinstance(watch, watch_params.Watch)
    assert (watch.every, watch.layers, watch.points) == (20, ["67%", "last"], 1500)
    assert "N ≤ 1,500, L = 128" in watch.told()


def test_its_signals_are_those_of_estimate() -> None:
    assert get_args(watch_params.Signal) == get_args(estimate.Signal)
