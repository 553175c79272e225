"""The drawing of the rooms is of this code, and the contracts are of the stages of dvc.yaml."""

import re
import subprocess
import sys
import tomllib

import pytest

from lm_geometry.workspace.section import read_yaml
from tests.structure import PACKAGE, ROOT, STAGES

pytest.importorskip("grimp", reason="import-linter is not installed")

import draw_architecture as drawing

CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}


@pytest.fixture(scope="module")
def house() -> drawing.House:
    return drawing.house()


def test_the_drawing_is_of_this_code() -> None:
    command = [sys.executable, "docs/draw_architecture.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_rooms_and_floors_are_few(house: drawing.House) -> None:
    assert len(house.rooms) <= 28
    assert len(house.floors) <= 9


def test_every_folder_is_a_room_and_no_module_is_loose(house: drawing.House) -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert folders == set(house.rooms)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


def test_every_room_says_what_it_is_for() -> None:
    for file in PACKAGE.rglob("__init__.py"):
        assert re.match(r'"""[^\n]{12,}', file.read_text(encoding="utf-8")), file


def test_contracts_are_of_the_stages_of_the_pipeline() -> None:
    stages = [name.replace("-", "_") for name in read_yaml(ROOT / "dvc.yaml")["stages"]]
    assert stages == list(STAGES)
    assert CONTRACTS["stages"]["modules"] == [f"lm_geometry.{stage}" for stage in stages]
    assert CONTRACTS["outs"]["layers"] == stages[-2::-1]  # aggregate leaves plots, not outs


def test_arrows_that_others_tell_are_not_drawn() -> None:
    arrows = {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d"), ("c", "d")}
    assert drawing.needed(arrows) == {("a", "b"), ("b", "c"), ("c", "d")}


def test_an_arrow_back_up_is_told() -> None:
    house = drawing.House([["ground"], ["left", "right"]], {("left", "ground"): 1}, [])
    assert house.back_up == []
    house = house._replace(arrows={("left", "right"): 1, ("ground", "left"): 2})
    assert house.back_up == [("left", "right"), ("ground", "left")]
