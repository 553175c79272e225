"""What a clone of a project is given of the project's own settings."""

from pathlib import Path

from dvc.config import Config

from lm_geometry.revisions.programs import cache_and_remotes_of
from tests.toy_project import new_project


def test_a_clone_has_the_private_folder_of_dvcs_pickles_its_cache_and_its_remotes(
    tmp_path: Path,
) -> None:
    project = new_project(tmp_path / "project")
    own = str(tmp_path / "mine")
    project.dvc("config", "--local", "core.site_cache_dir", own)
    clone = project.clone(tmp_path / "elsewhere" / "clone")
    (clone.folder / ".dvc" / "config.local").unlink()
    cache_and_remotes_of(project.folder, clone.folder)
    found = Config(str(clone.folder / ".dvc"), validate=False)
    assert found["core"]["site_cache_dir"] == own  # else /var/tmp, which every user may write
    assert found["core"]["remote"] == "folder"
    assert found["cache"]["dir"] == str(project.folder / ".dvc" / "cache")
    assert Path(found["remote"]["folder"]["url"]) == tmp_path / "remote"
