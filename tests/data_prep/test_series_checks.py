"""Each of `model.checkpoints` is a state of the model that is named, or is told before training."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.data_prep.series import resolve_series
from lm_geometry.data_prep.series_checks import check_steps
from lm_geometry.models.hub_weights import hub_weights
from tests.conftest import TinyModel
from tests.models.hub_server import Revisions, commit_of, hub_server

ID = "org/series"
WEIGHTS = "model.safetensors"

Change = Callable[[Path], None]


def prefixed(folder: Path) -> None:
    weights = {f"_orig_mod.{n}": w.clone() for n, w in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def without_one(folder: Path) -> None:
    weights = {
        n: 2 * w for n, w in load_file(folder / WEIGHTS).items() if "layers.1.mlp.up" not in n
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def misshapen(folder: Path) -> None:
    weights = {n: 3 * w for n, w in load_file(folder / WEIGHTS).items()}
    name = "model.layers.2.mlp.up_proj.weight"
    save_file(weights | {name: weights[name][:40].clone()}, folder / WEIGHTS)


def fewer_blocks(folder: Path) -> None:
    weights = {n: 4 * w for n, w in load_file(folder / WEIGHTS).items() if "layers.2." not in n}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))


def only_later(folder: Path) -> None:
    weights = {n: 5 * w for n, w in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


CHANGES: dict[str, Change] = {
    "step10": only_later,
    "step20": prefixed,
    "step30": without_one,
    "step40": misshapen,
    "step50": fewer_blocks,
}
TOLD = {
    "step20": "weights of {name} are not in its files, such as model.",
    "step30": "the weight model.layers.1.mlp.up_proj.weight of {name} is not in its files",
    "step40": "the weight model.layers.2.mlp.up_proj.weight of {name} is of another shape than its "
    "config says: [40, 32] there, [48, 32] by the config",
    "step50": "{name} is a llama of 2 blocks and width 32, and {base} a llama of 3 and 32",
}


@pytest.fixture
def revisions(tmp_path: Path, tiny_models: dict[str, TinyModel]) -> Revisions:
    """A model, one right later state of it, and four wrong ones."""
    made: Revisions = {"main": tiny_models["llama"].folder}
    for name, change in CHANGES.items():
        made[name] = shutil.copytree(made["main"], tmp_path / "steps" / name)
        change(made[name])
    return made


@pytest.fixture
def asked(
    revisions: Revisions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    hub_weights.cache_clear()
    with hub_server(ID, revisions, tmp_path / "hub", monkeypatch) as found:
        yield found
    hub_weights.cache_clear()


def refused(base: str, steps: list[str]) -> str:
    """What data-prep says of the steps of a model."""
    source = checked(resolve(Model.model_validate({"name": base}), seed=0))
    with pytest.raises(SystemExit) as caught:
        check_steps(source, resolve_series(steps, base))
    return str(caught.value)


def test_folders_whose_weights_are_not_the_models_are_all_told(
    revisions: Revisions, tmp_path: Path
) -> None:
    told = refused(f"file:{revisions['main']}", [f"file:{tmp_path}/steps/step*"]).splitlines()
    assert len(told) == len(TOLD)
    for line, (step, words) in zip(told, TOLD.items(), strict=True):
        name = f"file:{tmp_path}/steps/{step}"
        assert line.startswith("model.checkpoints: ")
        assert words.format(name=name, base="llama") in line
    assert "`_orig_mod.`" in told[0]


def test_of_revisions_on_the_hub_no_weights_are_fetched(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refused(f"hub:{ID}", ["step*"]).splitlines()
    assert len(told) == len(TOLD)
    for line, (step, words) in zip(told, TOLD.items(), strict=True):
        assert words.format(name=f"hub:{ID}@{step}", base="org-series") in line
    weights = [path for path in asked if path.startswith("GET") and WEIGHTS in path]
    whole = [path for path in weights if not path.endswith("in part")]
    assert len(whole) == 1  # of base, which is loaded in any case
    assert f"/{commit_of('main')}/" in whole[0]  # of the commit, not of a branch that may move
    assert len(weights) - len(whole) == 4  # of three wrong steps and a right one


def test_many_steps_that_are_wrong_are_counted(revisions: Revisions, tmp_path: Path) -> None:
    for step in range(60, 90, 10):
        folder = shutil.copytree(revisions["step30"], tmp_path / "steps" / f"step{step}")
        weights = {name: step * w for name, w in load_file(folder / WEIGHTS).items()}
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    told = refused(f"file:{revisions['main']}", [f"file:{tmp_path}/steps/step*"]).splitlines()
    assert len(told) == 6
    assert told[-1] == "model.checkpoints: and 2 more of them"
