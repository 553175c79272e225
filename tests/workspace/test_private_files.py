"""Who may read what is written: as the umask says; private texts nobody else."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lm_geometry.workspace import files

WRITING = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[1], 8))
from lm_geometry.workspace.files import whole_file, whole_folder
with whole_file(Path("file")) as one:
    one.write_text("text")
with whole_folder(Path("folder")) as many:
    (many / "inside").write_text("text")
"""


def mode_of(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize(
    ("umask", "file", "folder"),
    [("022", "0o644", "0o755"), ("077", "0o600", "0o700"), ("002", "0o664", "0o775")],
)
def test_the_umask_is_respected(tmp_path: Path, umask: str, file: str, folder: str) -> None:
    subprocess.run([sys.executable, "-c", WRITING, umask], cwd=tmp_path, check=True)
    assert mode_of(tmp_path / "file") == mode_of(tmp_path / "folder" / "inside") == file
    assert mode_of(tmp_path / "folder") == folder


def test_private_texts_are_the_owners(tmp_path: Path) -> None:
    store = files.private_folder(tmp_path / "above" / "private")
    (store / "corpus").mkdir(mode=0o755)
    (store / "corpus" / "text").write_text("secret")
    files.make_private(store / "corpus")
    (store / "texts.parquet").write_text("secret")
    files.make_private(store / "texts.parquet")
    assert mode_of(store) == mode_of(store / "corpus") == "0o700"
    assert mode_of(store / "corpus" / "text") == mode_of(store / "texts.parquet") == "0o600"


def test_the_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        files.private_folder(tmp_path)
