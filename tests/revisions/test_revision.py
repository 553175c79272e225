"""One reader for two trees: what was committed, and what lies in the workspace now."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed import hidden_states
from lm_geometry.outs.estimate import clouds as estimates
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.outs.token_sample import clouds
from lm_geometry.revisions.revision import WORKSPACE, Revision
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.tables import write_table

SPLIT = CorpusSplit("a", "test")
EMBEDDED = hidden_states.Embedded(["base"], [SPLIT], [3], depth=4)
CLOUD = clouds.Cloud("base", SPLIT, 3, 42)
SCORE = {"step": 0, "corpus": "a", "split": "test", "score": "f1", "value": 0.5}


def leave(value: float) -> None:
    """What a run leaves whose every number is `value`."""
    folder = paths.cell(paths.HIDDEN_STATES, "base", "a", "test")
    with array_folder(folder, {"layer-03.npy": (8, 2)}, {}) as arrays:
        arrays["layer-03.npy"][:] = value
    hidden_states.write_index(EMBEDDED)
    write_array(paths.losses("base", "a", "test"), np.full(8, value, np.float32))
    write_array(CLOUD.file, np.arange(5))
    write_json(clouds.INDEX, {"seeds": [42], "noise": value, "noise_seed": 7, "paper": False})
    estimates.write_index(
        estimates.Estimated(EMBEDDED, [42], ["twonn"], [64], "i/n", ["none"], [0])
    )
    local = pd.DataFrame({name: [value] for name in estimates.LOCAL}).assign(extra=0)
    write_table(paths.ESTIMATES / estimates.folder_name(CLOUD) / "local.parquet", local)


@pytest.fixture
def committed(project: Path) -> Revision:
    """A commit whose numbers are 1; those of the workspace are 2 by now."""
    leave(1.0)
    (project / "dvc.yaml").unlink()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    dvc = [sys.executable, "-m", "dvc"]
    for command in (
        ["git", "init", "-q"],
        [*dvc, "init", "-q"],
        [*dvc, "add", "-q", "data/hidden_states"],
        [*git, "add", ".dvc", "data"],
        [*git, "commit", "-q", "-m", "one"],
    ):
        subprocess.run(command, cwd=project, check=True)
    leave(2.0)
    write_json(paths.SCORES, [SCORE])
    return Revision("HEAD", project)


def test_each_tree_gives_its_own_results(committed: Revision) -> None:
    for tree, value in (({"tree": committed}, 1.0), ({}, 2.0)):
        assert hidden_states.read_embedded(**tree) == EMBEDDED
        states = hidden_states.read_states("base", SPLIT, 3, **tree)
        np.testing.assert_array_equal(states, np.full((8, 2), value, np.float32))
        assert set(hidden_states.read_losses("base", "a", "test", **tree)) == {value}
        assert estimates.estimated_clouds(**tree) == clouds.read_clouds(**tree) == [CLOUD]
        local = estimates.read_local(CLOUD, **tree)
        assert list(local) == estimates.LOCAL
        assert local["value"].tolist() == [value]


def test_estimates_of_an_earlier_version_are_refused_in_a_sentence(committed: Revision) -> None:
    index = {name: value for name, value in read_json(estimates.INDEX).items() if name != "groups"}
    write_json(estimates.INDEX, index)
    with pytest.raises(
        ValueError, match="earlier version of lm-geometry, which did not write groups"
    ):
        estimates.estimated_clouds()
    assert estimates.estimated_clouds(committed) == [CLOUD]


def test_noise_is_drawn_alike_from_both(committed: Revision) -> None:
    (ours, rows), (theirs, _) = clouds.read_cloud(CLOUD), clouds.read_cloud(CLOUD, committed)
    assert rows.tolist() == list(range(5))
    np.testing.assert_allclose((ours - 2.0) / 2.0, theirs - 1.0)
    assert isinstance(hidden_states.read_states("base", SPLIT, 3), np.memmap)


def test_what_a_revision_has_not_is_said(committed: Revision) -> None:
    assert not committed.exists(paths.SCORES)
    with pytest.raises(FileNotFoundError, match=r"data/training_run/scores.json of HEAD cannot"):
        read_scores(committed)
    assert read_scores() == read_scores(Revision(WORKSPACE, committed.root)) == [SCORE]
    with pytest.raises(FileNotFoundError, match=r"data/model.json of HEAD cannot be had"):
        committed.open(paths.MODEL)
    with pytest.raises(FileNotFoundError, match="data/tables of HEAD is empty or missing"):
        committed.files(paths.TABLES)
    with pytest.raises(ValueError, match=r"has no column \['x'\]"):
        committed.read_table(
            paths.ESTIMATES / estimates.folder_name(CLOUD) / "local.parquet", ["x"]
        )
    with pytest.raises(ValueError, match="no revision or experiment 'nosuch'"):
        Revision("nosuch", committed.root).exists(paths.MODEL)


def test_a_folder_whose_list_of_files_was_never_pulled_is_told_in_a_sentence(
    committed: Revision,
) -> None:
    cache = committed.root / ".dvc" / "cache" / "files"
    for lists in cache.rglob("*.dir"):
        lists.unlink()
    file = paths.cell(paths.HIDDEN_STATES, "base", "a", "test") / "layer-03.npy"
    for asked in (committed.exists, committed.open, committed.files):
        with pytest.raises(FileNotFoundError, match=r"of HEAD cannot be had: .*`dvc pull`"):
            asked(file)
