"""Push, pull and audit by each kind of remote; and what `make remote` writes."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_geometry.workspace import section
from lm_geometry.workspace.section import ROOT
from tests.remote_servers import KINDS, remote
from tests.toy_project import ToyProject, finished, stages_run, toy

__all__ = ["finished", "toy"]

LAYERS = [f"data/states/base/layer-{layer:02d}.npy" for layer in range(4)]


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, toy: ToyProject, tmp_path: Path) -> Iterator[ToyProject]:
    """A project whose results were pushed to a remote chosen as `make remote` chooses it."""
    with remote(request.param, tmp_path / "server") as (url, settings):
        toy.dvc("remote", "add", "--local", "--default", "chosen", url)
        for name, value in {"verify": "true", **settings}.items():
            toy.dvc("remote", "modify", "--local", "chosen", name, value)
        toy.dvc("push")
        yield toy


def damage_the_remote(project: ToyProject) -> None:
    """Truncate, change and delete a layer each, whatever kind of remote it is."""
    from dvc.repo import Repo

    from lm_geometry.remotes.objects import items_of, outs_of
    from lm_geometry.remotes.places import cache_of, remote_of

    with Repo(str(project.folder)) as repo:
        place, cache = remote_of(repo), cache_of(repo)
        outs = outs_of(repo, ["data/states"])
        oids = {item.path: item.oid for out in outs for item in items_of(out, [cache])}
        contents = {LAYERS[0]: b"?" * 100, LAYERS[1]: b"?" * 3000}
        for path in LAYERS[:3]:
            place.remove(oids[path])
        for path, content in contents.items():
            place.odb.add_bytes(oids[path], content)


def test_a_clone_pulls_what_it_asks_for_refuses_damage_and_is_mended(
    shared: ToyProject,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    clone = shared.clone(tmp_path / "clone")
    clone.dvc("pull", "estimate")
    assert list(clone.bytes()) == ["data/tables/sums.csv"]
    clone.dvc("pull", LAYERS[3])
    assert list(clone.bytes()) == [LAYERS[3], "data/tables/sums.csv"]

    damage_the_remote(shared)
    with pytest.raises(SystemExit) as raised:
        clone.command("pull")
    said = str(raised.value.code).splitlines()
    assert [line.split(" in the ")[0] for line in said[:-1]] == ["corrupted"] * 2 + ["missing"] * 2
    for line, path in zip(said, [*LAYERS[:3], LAYERS[2]], strict=False):
        assert f"{path} of data/states, made by embed" in line
    assert not set(LAYERS[:3]) & set(clone.bytes())

    capfd.readouterr()
    shared.dvc("push")  # does not see it: the folder's listing is there
    assert "Everything is up to date" in capfd.readouterr().out
    with pytest.raises(SystemExit, match=f"truncated in the remote chosen.*{LAYERS[0]}"):
        shared.command("audit")
    shared.command("audit", "--repair")
    assert capfd.readouterr().out.count("mended from the cache") == 3
    clone.command("pull")
    assert clone.bytes() == shared.bytes()
    caplog.clear()
    clone.dvc("repro")
    assert stages_run(caplog) == []
    assert sum("didn't change, skipping" in message for message in caplog.messages) == 3


def test_make_remote_chooses_one_for_this_clone_alone(toy: ToyProject) -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed here")
    command = [make, "--file", str(ROOT / "Makefile"), "--old-file=setup", "remote"]
    for url in ("../other", "../third"):  # again: another
        subprocess.run([*command, f"URL={url}"], cwd=toy.folder, check=True, capture_output=True)
    text = (toy.folder / ".dvc" / "config.local").read_text()
    assert "remote = chosen" in text
    assert "['remote \"chosen\"']\n    url = ../../third\n    verify = true" in text
    toy.dvc("push", "--quiet")
    assert (toy.folder.parent / "third" / "files").is_dir()
    assert not (toy.folder.parent / "remote").exists()
    without = subprocess.run(command, cwd=toy.folder, capture_output=True, text=True)
    assert without.returncode != 0
    assert "make remote URL=/folder, ssh://host/path, s3://bucket/path" in without.stderr


def test_the_committed_remote_needs_no_credentials_and_verifies() -> None:
    text = (section.ROOT / ".dvc" / "config").read_text()
    assert "remote = folder\n" in text
    assert "['remote \"folder\"']\n    url = ../../lm-geometry-remote\n    verify = true" in text
