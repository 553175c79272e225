"""Whether a model is on this machine, without loading it."""

from pathlib import Path

import pytest

from lm_geometry.models import here, sources
from lm_geometry.models.here import is_here
from lm_geometry.workspace import machine

PACKAGE = f"package:some-model==1.0/some_model/model#sha256={'0' * 64}"


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "downloads", lambda: tmp_path)
    return tmp_path


def test_a_package_is_here_once_its_member_is_in_the_downloads(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_here(PACKAGE)
    folder = sources.package_folder(sources.parse(PACKAGE), downloads)
    (folder / "model").mkdir(parents=True)
    monkeypatch.setattr(sources, "verified", lambda _: True)
    assert is_here(PACKAGE)


def test_a_gguf_file_is_here_once_it_is_converted(downloads: Path) -> None:
    file = downloads / "some.gguf"
    assert not is_here(f"file:{file}")
    file.write_bytes(b"GGUF and more")
    assert not is_here(f"file:{file}")
    here.conversion(file).mkdir(parents=True)
    assert is_here(f"file:{file}")


def test_a_model_of_the_hub_is_asked_for_in_its_cache_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def cached(*words: str, revision: str | None) -> str | None:
        asked.append((*words, revision))
        return None

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    assert not is_here("hub:owner/model@main")
    assert asked == [("owner/model", "config.json", "main")]
