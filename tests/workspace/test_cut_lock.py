"""A dvc.lock that a kill cut is told with its cure by every command, and by make."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lm_geometry.workspace import extras
from lm_geometry.workspace.faults import LOCK_CUT, RECORDS_CUT, refuse_cut
from tests.structure import ROOT

LOCK = ROOT / "dvc.lock"


def test_the_whole_one_is_taken_for_whole() -> None:
    refuse_cut(LOCK)
    refuse_cut(ROOT / "no.lock")


def test_nearly_every_cut_is_noticed(tmp_path: Path) -> None:
    """But one after a whole out of the last stage, which is a dvc.lock as well."""
    text, lock, missed = LOCK.read_text(), tmp_path / "dvc.lock", []
    for length in [0, *range(1, len(text), 97)]:
        lock.write_text(text[:length])
        try:
            refuse_cut(lock)
            missed.append(text[:length])
        except ValueError:
            continue
    assert len(missed) <= 3
    assert all(cut.rpartition("- path: ")[2].count("md5: ") == 1 for cut in missed)


def test_commands_say_so_before_they_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    (tmp_path / "dvc.lock").write_text(LOCK.read_text()[:1000])
    monkeypatch.setattr(extras, "_ABOVE", tmp_path)
    with pytest.raises(ValueError, match=r"`git checkout dvc.lock` brings back"):
        extras.require_clone()


@pytest.mark.parametrize("left", ["", '{"read": {"stage.py": [{"pid": 1, "cmd"'])
def test_records_of_readers_and_writers_that_a_kill_cut_are_told_with_their_cure(
    left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    monkeypatch.setattr(extras, "_ABOVE", tmp_path)
    extras.require_clone()  # there are none
    records = tmp_path / ".dvc" / "tmp" / "rwlock"
    records.parent.mkdir(parents=True)
    records.write_text("{}")
    extras.require_clone()
    records.write_text(left)
    with pytest.raises(ValueError, match=rf"was cut by a kill .*: `rm {records}`"):
        extras.require_clone()


@pytest.mark.parametrize("cut", [LOCK_CUT, RECORDS_CUT.format(file="rwlock")])
def test_make_says_so_and_fails(cut: str, tmp_path: Path) -> None:
    """`make repro` with programs that fail as those do where the lock is cut."""
    for name, printed in (("dvc", "validation failed"), ("lm-geometry", f"drift: {cut}")):
        program = tmp_path / name
        program.write_text(f"#!{sys.executable}\nprint({printed!r})\nraise SystemExit(255)\n")
        program.chmod(0o755)
    text = (ROOT / "Makefile").read_text()
    filtering = re.findall(r"^NOT_PUSHED := .*\n", text, flags=re.MULTILINE)
    recipe = text.partition("\nrepro: setup")[2].partition("\t@lm-geometry audit")[0]
    (tmp_path / "Makefile").write_text(f"{''.join(filtering)}repro:{recipe}\n")
    path = f"{tmp_path}:/usr/bin:/bin"
    ran = subprocess.run(
        ["make", "repro"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True
    )
    assert ran.returncode != 0
    assert cut in ran.stderr
