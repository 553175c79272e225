"""Whose fault an error is: sentences for what a run was given, tracebacks for what we did."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_geometry.embed.params import Embed
from lm_geometry.models.sources import parse
from lm_geometry.workspace import faults
from lm_geometry.workspace.faults import sentence, sentences
from lm_geometry.workspace.layers import hidden_states
from tests.structure import ROOT


def caught(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011
        act()
    return found.value


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/scratch/a.npy")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: hidden_states([9], 3), "there is no layer 9; there are 0 … 3"),
        (lambda: parse("nothing"), "'nothing' is not a source"),
        (full, "No space left on device: /scratch/a.npy"),
        (lambda: Embed.model_validate({"loss": 1}), "Embed: loss: Input should be a valid boolean"),
    ],
)
def test_wrong_input_is_a_sentence(act: Callable[[], object], told: str) -> None:
    found = sentence(caught(act))
    assert found is not None
    assert found.startswith(told)


@pytest.mark.parametrize(
    "act",
    [
        lambda: hidden_states(["x%"], 3),  # float() of ours fails: not checked before
        lambda: hidden_states(None, 3),  # pyright: ignore[reportArgumentType]
        lambda: json.loads("{"),
        lambda: Path("/no/such/file").read_text(),
        lambda: {}["absent"],
    ],
)
def test_what_nobody_raised_on_purpose_is_ours(act: Callable[[], object]) -> None:
    assert sentence(caught(act)) is None
    with pytest.raises(Exception) as found, sentences():  # noqa: PT011
        act()
    assert not isinstance(found.value, SystemExit)


def test_an_assertion_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise AssertionError

    monkeypatch.setattr(faults, "OURS", ROOT)
    assert sentence(caught(broken)) is None


def test_a_cut_dvc_lock_is_told_with_its_cure(tmp_path: Path) -> None:
    from dvc.utils.strictyaml import YAMLSyntaxError, YAMLValidationError, load

    lock = tmp_path / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages:\n  a: {cmd: [\n")
    error = caught(lambda: load(str(lock)))
    assert isinstance(error, (YAMLSyntaxError, YAMLValidationError))
    found = sentence(error)
    assert found is not None
    assert "git checkout dvc.lock" in found


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_stage_ends_in_a_sentence_and_shows_the_rest_on_request(
    copied_project: Path, debug: str
) -> None:
    code = (
        "from lm_geometry.workspace.faults import sentences\n"
        "from lm_geometry.models.sources import parse\n"
        "with sentences(): parse('nothing')"
    )
    environment = {"PYTHONPATH": str(copied_project / "src"), "LM_GEOMETRY_DEBUG": debug}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("'nothing' is not a source")
    assert ("Traceback" in done.stderr) == bool(debug)
