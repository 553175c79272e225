"""The ten minutes' part of the campaign, and what its tables say of themselves."""

import json
from pathlib import Path

import pytest

from tests.campaign.__main__ import PAGE, PLACE, main
from tests.campaign.faults.attacks import ATTACKS
from tests.campaign.faults.table import FAULTS, Row
from tests.campaign.kinds import KINDS
from tests.campaign.trials import Log, Trial, table
from tests.structure import ROOT

SHARE = "0.1"
GROUPS = {kind.group for kind in KINDS}


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.parametrize("group", ["clouds", "parameters", "kills"])  # the others are tests
def test_nothing_is_lost_and_nothing_wrong(group: str, tmp_path: Path) -> None:
    log = tmp_path / "trials.jsonl"
    main(["--share", SHARE, "--only", group, "--log", str(log), "--folder", str(tmp_path)])
    trials = [json.loads(line) for line in log.read_text().splitlines()[1:]]
    wanted = sum(
        max(1, round(float(SHARE) * kind.number))
        for kind in KINDS
        if kind.group == group and not kind.missing()
    )
    assert len(trials) == wanted
    assert {trial["outcome"] for trial in trials} == {"survived"}


def test_there_are_a_hundred_kills_and_ten_thousand_clouds() -> None:
    numbers = {group: sum(k.number for k in KINDS if k.group == group) for group in GROUPS}
    assert numbers["kills"] >= 100
    assert numbers["clouds"] == 10_000
    assert numbers["parameters"] == 1100


@pytest.mark.parametrize("row", [*FAULTS, *ATTACKS], ids=lambda row: row.done)
def test_the_tests_of_a_fault_are_there(row: Row) -> None:
    for test in row.tests:
        file, _, name = test.partition("::")
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert not name or f"\ndef {name}(" in text


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    file = tmp_path / "trials.jsonl"
    log = Log(file, 3, resume=False)
    list(log.add([Trial("clouds", 0, "survived"), Trial("clouds", 2, "lost", "why")]))
    again = Log(file, 3, resume=True)
    assert again.trials == log.trials
    assert again.missing("clouds", 4) == [1, 3]
    with pytest.raises(ValueError, match="trials of another seed"):
        Log(file, 4, resume=True)
    assert Log(file, 4, resume=False).trials == []


def test_the_table_counts_what_came_of_each_kind() -> None:
    outcomes = ("survived", "survived", "wrong", "lost", "not run")
    trials = [Trial("a", number, outcome) for number, outcome in enumerate(outcomes)]
    assert table(trials, {"b": "no Slurm"}).splitlines()[2:] == [
        "| a (1 not run here) | 4 | 2 | 1 | 1 |",
        "| b | none: no Slurm | | | |",
        "| **all** (1 not run here) | 4 | 2 | 1 | 1 |",
    ]


def test_the_page_has_a_place_for_the_table() -> None:
    assert PLACE.search(PAGE.read_text(encoding="utf-8"))
