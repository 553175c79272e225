"""A hub model is the commit and the weights that data-prep recorded, or a stage ends."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from lm_geometry.data_prep import model_names
from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import moved, resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.data_prep.series import resolve_series
from lm_geometry.models import kept, load
from lm_geometry.models.as_recorded import refuse_replaced, refuse_replaced_step
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.hub_weights import Weights, hub_weights
from lm_geometry.models.load import load_model, local_location
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import dvc_cache, machine
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.hashes import value_hash
from tests.conftest import TinyModel
from tests.models.hub_cache import blob_name, cached, only_the_cache

ID = "org/mine"
FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hub_weights.cache_clear()
    only_the_cache(tmp_path / "hub", monkeypatch)
    return tmp_path / "hub"


@pytest.fixture
def snapshot(cache: Path, tiny_models: dict[str, TinyModel]) -> Path:
    return cached(cache, ID, "main", FIRST, tiny_models["llama"].folder)


def doubled(tiny: TinyModel, folder: Path) -> Path:
    shutil.copytree(tiny.folder, folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    model.save_pretrained(folder)
    return folder


def found(name: str = f"hub:{ID}") -> ModelSource:
    hub_weights.cache_clear()
    return resolve(Model.model_validate({"name": name}), seed=0)


def first_weight(source: ModelSource) -> torch.Tensor:
    return next(iter(load_model(source).parameters())).detach()


def alter(file: Path) -> None:
    """Of the same size and name: the hub's libraries take it."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_branch_that_moves_is_read_at_the_commit_that_was_recorded(
    cache: Path, snapshot: Path, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    source = checked(found())
    assert (source.source, source.asked) == (f"hub:{ID}@{FIRST}", f"hub:{ID}")
    assert source.content
    before = first_weight(source)
    cached(cache, ID, "main", SECOND, doubled(tiny_models["llama"], tmp_path / "doubled"))
    refuse_replaced(source)
    assert torch.equal(first_weight(source), before)
    assert torch.equal(first_weight(found()), 2 * before)


def test_of_a_mirror_that_tells_no_commit_the_model_stays_as_it_was_named(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_names, "hub_weights", lambda source: Weights("a hash"))
    source = resolve(Model.model_validate({"name": f"hub:{ID}"}), seed=0)
    assert (source.source, source.content, source.asked) == (f"hub:{ID}", "a hash", "")


def test_a_rerun_of_data_prep_says_that_a_branch_has_moved(
    cache: Path,
    snapshot: Path,
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    earlier, record = (
        found(),
        tmp_path / "project" / ".dvc" / "cache" / "files" / "md5" / "ab" / "c",
    )
    monkeypatch.setattr(dvc_cache, "ROOT", tmp_path / "project")
    write_json(record, earlier.record())
    lock = "stages:\n  data-prep:\n    outs:\n    - path: data/model.json\n      md5: abc\n"
    (tmp_path / "project" / "dvc.lock").write_text(lock)
    saved = dvc_cache.last_saved(tmp_path / "project" / "data" / "model.json")
    assert saved == record
    assert moved(earlier, saved) == ""
    cached(cache, ID, "main", SECOND, doubled(tiny_models["llama"], tmp_path / "doubled"))
    told = moved(found(), saved)
    assert told.startswith(f"hub:{ID} has moved on the hub since it was read last: it is hub:")
    assert f"@{SECOND} now, with other weights" in told
    assert f"model.name=hub:{ID}@{FIRST} names what was read before" in told
    assert moved(found(f"hub:{ID}@{SECOND}"), saved) == ""  # which was asked for by its commit
    assert moved(found(), None) == ""
    assert dvc_cache.last_saved(tmp_path / "project" / "data" / "other.json") is None


def test_weights_that_were_altered_in_the_cache_are_refused(snapshot: Path) -> None:
    source = found()
    refuse_replaced(source)
    file = (snapshot / "model.safetensors").resolve()
    alter(file)
    told = rf"weights of hub:{ID}@{FIRST} in this machine's cache are not those that were recorded"
    with pytest.raises(ValueError, match=told) as caught:
        refuse_replaced(source)
    assert str(caught.value).startswith("model.name: ")
    assert f"delete {file}, and they are downloaded again" in str(caught.value)
    with pytest.raises(ValueError, match=told):
        checked(found())
    refuse_replaced(replace(source, weights="random"))  # of which no weight is read


def test_a_snapshot_of_other_weights_is_refused(
    cache: Path, snapshot: Path, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    source = found()
    other = cached(cache, ID, "main", SECOND, doubled(tiny_models["llama"], tmp_path / "doubled"))
    link = snapshot / "model.safetensors"
    link.unlink()
    link.symlink_to((other / "model.safetensors").resolve())
    with pytest.raises(ValueError, match="are not those that were recorded") as caught:
        refuse_replaced(source)
    assert f"delete {link}, and" in str(caught.value)  # no blob is altered


def without_links(snapshot: Path) -> Path:
    """The cache as it is on a file system that has no symbolic links; its file of weights."""
    for link in [*snapshot.iterdir()]:
        link.resolve().rename(snapshot / "moved")
        (snapshot / "moved").replace(link)
    return snapshot / "model.safetensors"


@pytest.mark.parametrize("large", [True, False])
def test_weights_are_compared_where_the_cache_has_no_links(snapshot: Path, large: bool) -> None:
    file = snapshot / "model.safetensors"
    own = blob_name(file.read_bytes(), large)
    hashed = value_hash([[file.name, own if large else f"git:{own}"]])
    source = replace(found(), content=hashed)
    without_links(snapshot)
    refuse_replaced(source)
    alter(file)
    with pytest.raises(ValueError, match=f"delete {file}, and"):
        refuse_replaced(source)


def test_two_models_in_a_cache_without_links_have_hashes_of_their_own(
    cache: Path, snapshot: Path, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    linked = found().content
    other = doubled(tiny_models["llama"], tmp_path / "doubled")
    without_links(snapshot)
    without_links(cached(cache, "org/other", "main", SECOND, other))
    assert found().content == linked
    assert found("hub:org/other").content != linked


def test_weights_of_a_step_are_those_that_were_compared(
    cache: Path, snapshot: Path, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = doubled(tiny_models["llama"], tmp_path / "step10")
    step = cached(cache, ID, "step10", SECOND, folder)
    series = resolve_series(["step10"], f"hub:{ID}")
    series += resolve_series([f"file:{folder}"], f"hub:{ID}")
    hub, local = (replace(found(), series=[vars(one)]).later()[10] for one in series)
    for source in (hub, local):
        refuse_replaced_step(source)
    for file in ((step / "model.safetensors").resolve(), folder / "model.safetensors"):
        alter(file)
    with pytest.raises(ValueError, match=r"^model\.checkpoints: .* not those that were recorded"):
        refuse_replaced_step(hub)
    with pytest.raises(ValueError, match=r"step10 are no longer those that data-prep read"):
        refuse_replaced_step(local)


def test_adapters_are_merged_into_no_other_weights_than_those_of_their_base(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine-10"
    write_json(folder / kept.ADAPTERS, {})
    write_json(folder / kept.BASE_SOURCE, found().record())
    monkeypatch.setattr(kept, "fetch_kept", lambda *asked: folder)
    monkeypatch.setattr(machine, "downloads", lambda: tmp_path)
    monkeypatch.setattr(load, "load_model", lambda *given: pytest.fail("it was loaded"))
    alter((snapshot / "model.safetensors").resolve())
    with pytest.raises(ValueError, match=rf"^the base of mine-10: the weights of hub:{ID}@"):
        local_location(f"kept:mine#sha256={'0' * 64}")


def test_a_folder_of_the_name_of_a_hub_model_is_not_read_in_its_place(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert local_location(f"hub:{ID}")["pretrained_model_name_or_path"] == ID
    (tmp_path / ID).mkdir(parents=True)
    with pytest.raises(NotReadError, match=rf"/{ID} is here, and would be read in place of hub:"):
        local_location(f"hub:{ID}")
