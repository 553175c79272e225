"""What is read of private text is kept in a folder of the test."""

from pathlib import Path

import pytest

from lm_geometry.workspace import machine


@pytest.fixture(autouse=True)
def private_texts(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder, which stands where each machine has its own."""
    folder = tmp_path_factory.mktemp("downloads") / "private"
    monkeypatch.setattr(machine, "private_texts", lambda: folder)
    return folder
