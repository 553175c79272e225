"""The rooms that mutants are made of, and the tests that must notice, are there."""

import tomllib
from pathlib import Path

from tests.structure import ROOT

SETTINGS = tomllib.loads((Path(__file__).with_name("rooms.toml")).read_text(encoding="utf-8"))


def test_every_module_and_every_test_is_there() -> None:
    for room in SETTINGS["room"]:
        for name in (*room["modules"], *room["tests"]):
            assert (ROOT / name).exists(), name


def test_rooms_of_numbers_and_of_what_stages_leave_are_tried() -> None:
    modules = {module for room in SETTINGS["room"] for module in room["modules"]}
    assert {f"src/lm_geometry/{room}" for room in ("statistics", "dimension", "outs")} <= modules
