"""Weights are safetensors, unless a machine's settings say that pickles are read."""

import json
from pathlib import Path

import pytest

from lm_geometry.models.facts import NotReadError
from lm_geometry.models.weights import weight_files
from lm_geometry.workspace import machine


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    return {"pretrained_model_name_or_path": str(tmp_path)}


@pytest.fixture(params=["", "1"])
def allowed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        monkeypatch.setenv("LM_GEOMETRY_PICKLED_WEIGHTS", request.param)
    machine.machine.cache_clear()
    return bool(request.param)


def test_a_pickle_is_named_with_what_has_it_read(place: dict[str, str], allowed: bool) -> None:
    if allowed:
        assert [file.name for file in weight_files(place, "mine")] == ["pytorch_model.bin"]
        return
    with pytest.raises(NotReadError, match=r"mine has its weights as pytorch_model.bin alone, a "):
        weight_files(place, "mine")


@pytest.mark.usefixtures("allowed")
def test_safetensors_beside_it_are_preferred(place: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert [file.name for file in weight_files(place, "mine")] == ["model.safetensors"]


OTHER_FILE = {
    "named": {"transformers_weights": "adapter_model.bin"},
    "safetensors": {"transformers_weights": "other.safetensors"},
    "nothing": {"transformers_weights": None},
    "in a part": {"text_config": {"transformers_weights": "adapter_model.bin"}},
    "by another name": {"attribute_map": {"transformers_weights": "x"}, "x": "adapter_model.bin"},
}


@pytest.mark.parametrize("what", OTHER_FILE)
@pytest.mark.parametrize("file", ["config.json", "config.5.0.0.json"])
def test_a_config_that_names_another_file_of_weights_is_refused(
    place: dict[str, str], tmp_path: Path, what: str, file: str
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    newest = {"configuration_files": [file]}  # by which transformers takes another config
    (tmp_path / "config.json").write_text(json.dumps(newest))
    (tmp_path / file).write_text(json.dumps(OTHER_FILE[what]))
    with pytest.raises(NotReadError, match=r"config.json of mine has the key \w+ .* be loaded: "):
        weight_files(place, "mine")
