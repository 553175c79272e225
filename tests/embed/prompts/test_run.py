"""Prompts through embed and token-sample: records equal to their geometry measured by hand."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lm_geometry.embed.params import Embed
from lm_geometry.embed.prompts import prompt_geometry
from lm_geometry.embed.prompts import run as prompt_run
from lm_geometry.embed.prompts.run import embed_prompts
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.prompts import PreparedPrompts
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.outs.embed.prompts import PromptCloud, PromptRecord, read_index, read_record
from lm_geometry.outs.token_sample.prompts import read_prompt_clouds
from lm_geometry.token_sample.prompts import write_prompt_clouds
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tables import read_table
from tests.conftest import TinyModel
from tests.prepared_prompts import write_prompts
from tests.unfinished_work import unpublished


@pytest.fixture
def base(project: Path) -> Path:
    """A project whose finetune stage trained nothing."""
    write_json(paths.CHECKPOINTS / "index.json", {"steps": [], "task": "none"})
    return project


def settings_of(**values: Any) -> Embed:
    return Embed.model_validate({"prompts": {"gride_range": 32, "overlap_k": 7} | values})


@torch.no_grad()
def by_hand(
    tiny: TinyModel, prompts: PreparedPrompts, cloud: PromptCloud, first: int = 0, window: int = 0
) -> PromptRecord:
    """The record of a prompt by the bare model with its own loss, all layers at once."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    kind = AutoModelForCausalLM if tiny.source.kind == "decoder" else AutoModelForMaskedLM
    model = kind.from_pretrained(tiny.folder, dtype=torch.float32).eval()
    rows = prompts.token_ids(load_tokenizer(tiny.source))
    ids = rows[prompts.numbers.index(cloud.prompt)]
    ids = torch.tensor(ids[prompts.positions(cloud.prompt, cloud.shuffle)][None])
    labels = {"labels": ids} if tiny.source.kind == "decoder" else {}
    output = model(ids, output_hidden_states=True, **labels)
    geometry = prompt_geometry([h[0, first:] for h in output.hidden_states], 32, 7, window=window)
    loss = float(output.loss) if labels else np.nan
    return PromptRecord(geometry, loss, ids.shape[1], len(set(ids[0].tolist())))


def assert_same(ours: PromptGeometry, reference: PromptGeometry) -> None:
    np.testing.assert_array_equal(ours.neighbours, reference.neighbours)
    np.testing.assert_array_equal(ours.distinct, reference.distinct)
    assert ours.missing == reference.missing
    assert ours.radii.dtype == np.float32
    np.testing.assert_allclose(ours.radii, reference.radii, rtol=1e-5)
    np.testing.assert_allclose(ours.mean_cosine, reference.mean_cosine, atol=1e-6)
    np.testing.assert_allclose(ours.angle_to_nearest, reference.angle_to_nearest, rtol=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_records_are_what_the_bare_model_gives_by_hand(
    base: Path, tiny_models: dict[str, TinyModel], name: str
) -> None:
    tiny = tiny_models[name]
    prompts = write_prompts()
    embed_prompts(tiny.source, settings_of())
    index = read_index()
    assert index.layers == list(range(tiny.source.layers + 1))
    clouds = list(index.clouds())
    assert [(c.prompt, c.shuffle) for c in clouds] == [(n, s) for n in (3, 8, 20) for s in (0, 3)]
    for cloud in clouds:
        ours, reference = read_record(cloud), by_hand(tiny, prompts, cloud)
        assert_same(ours.geometry, reference.geometry)
        assert (ours.tokens, ours.types) == (64, reference.types)
        if name == "bert":
            assert np.isnan(ours.loss)
        else:
            assert ours.loss == pytest.approx(reference.loss, rel=1e-5)
    text, shuffled = read_record(clouds[0]), read_record(clouds[1])
    assert text.types == shuffled.types
    assert not np.array_equal(text.geometry.neighbours, shuffled.geometry.neighbours)


def test_the_first_token_can_be_left_out_and_layers_chosen(
    base: Path, tiny_models: dict[str, TinyModel]
) -> None:
    tiny = tiny_models["llama"]
    prompts = write_prompts(numbers=[3], shuffles=[0])
    embed_prompts(tiny.source, settings_of(layers=[-1, 1], drop_first=True))
    (cloud,) = read_index().clouds()
    ours, reference = read_record(cloud), by_hand(tiny, prompts, cloud, first=1)
    assert read_index().layers == [1, 3]
    assert ours.geometry.radii.shape == (2, 63, 6)
    np.testing.assert_array_equal(ours.geometry.neighbours, reference.geometry.neighbours[[1, 3]])
    assert ours.loss == pytest.approx(reference.loss, rel=1e-5)  # of every token but the first
    write_prompt_clouds()
    assert set(read_table(paths.CLOUDS / "prompts.parquet")["tokens"]) == {63}


def test_positions_of_a_window_are_no_neighbours(
    base: Path, tiny_models: dict[str, TinyModel]
) -> None:
    tiny = tiny_models["llama"]
    prompts = write_prompts(numbers=[3])
    embed_prompts(tiny.source, settings_of(window=4))
    assert read_index().window == 4
    for cloud in read_index().clouds():
        ours = read_record(cloud)
        assert_same(ours.geometry, by_hand(tiny, prompts, cloud, window=4).geometry)
        near = ours.geometry.neighbours
        assert np.abs(near - np.arange(64)[:, None])[near >= 0].min() == 4


def files_of(folder: Path) -> dict[str, bytes]:
    found = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(found)}


def test_an_interrupted_run_goes_on_from_its_finished_prompts(
    base: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["gpt2"].source
    write_prompts()
    embed_prompts(source, settings_of())
    whole = files_of(paths.PROMPT_NEIGHBOURS)
    shutil.rmtree(machine.scratch() / "embed")  # where they stay until DVC's cache has them
    assert len(whole) == 7
    made: list[str] = []

    def killed(path: Path, record: PromptRecord) -> None:
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append(path.name)
        write(path, record)

    write = prompt_run.write_record
    monkeypatch.setattr(prompt_run, "write_record", killed)
    for file in whole:
        (paths.PROMPT_NEIGHBOURS / file).unlink()
    with pytest.raises(KeyboardInterrupt):
        embed_prompts(source, settings_of())
    assert files_of(paths.PROMPT_NEIGHBOURS) == {}
    again: list[str] = []
    monkeypatch.setattr(
        prompt_run, "write_record", lambda p, r: (again.append(p.name), write(p, r))
    )
    embed_prompts(source, settings_of())
    assert sorted(made + again) == sorted(Path(name).name for name in whole if "npz" in name)
    assert files_of(paths.PROMPT_NEIGHBOURS) == whole
    assert not unpublished(machine.scratch() / "embed")


def test_shards_finish_their_own_prompts_and_a_whole_run_takes_them(
    base: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["gpt2"].source
    write_prompts()
    embed_prompts(source, settings_of())
    whole = files_of(paths.PROMPT_NEIGHBOURS)
    shutil.rmtree(machine.scratch() / "embed")  # where they stay until DVC's cache has them
    for file in whole:
        (paths.PROMPT_NEIGHBOURS / file).unlink()
    done: list[set[str]] = []
    for shard in ("2/2", "1/2"):
        sharded = machine.Machine.model_validate({"shard": shard})
        monkeypatch.setattr(machine, "machine", lambda settings=sharded: settings)
        embed_prompts(source, settings_of())
        cells = (machine.scratch() / "embed").glob("*/base/*.npz")
        done.append({path.name.split("-")[1] for path in cells})
    assert done == [{"000008", "000020"}, {"000003", "000008", "000020"}]
    assert files_of(paths.PROMPT_NEIGHBOURS) == {}
    monkeypatch.setattr(machine, "machine", lambda: machine.Machine.model_validate({}))
    monkeypatch.setattr(prompt_run, "load_placed", None)  # nothing is left to be measured
    embed_prompts(source, settings_of())
    assert files_of(paths.PROMPT_NEIGHBOURS) == whole


def test_a_part_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for shard, wanted in (("1/4", [0, 1]), ("4/4", [7, 8, 9]), ("", list(range(10)))):
        chosen = machine.Machine.model_validate({"shard": shard})
        monkeypatch.setattr(machine, "machine", lambda settings=chosen: settings)
        assert machine.part_of(list(range(10))) == wanted
    beyond = machine.Machine.model_validate({"shard": "5/4"})
    monkeypatch.setattr(machine, "machine", lambda: beyond)
    with pytest.raises(ValueError, match="LM_GEOMETRY_SHARD=5/4: there is no part 5 of 4"):
        machine.part_of([1, 2])


def test_token_sample_tells_what_is_missing_and_why(
    base: Path, tiny_models: dict[str, TinyModel]
) -> None:
    write_prompts(numbers=[3, 4], texts={4: "a " * 70})
    embed_prompts(tiny_models["llama"].source, settings_of())
    write_prompt_clouds()
    table = read_table(paths.CLOUDS / "prompts.parquet").set_index(["prompt", "shuffle", "layer"])
    assert len(table) == 2 * 2 * 4
    assert table["tokens"].eq(64).all()
    few: Any = table.loc[(4, 0, 0)]  # two tokens, "a" with and without a space before it
    assert few["points"] == 2
    assert few["missing"] == "everything: 2 distinct tokens of 64, 3 are needed"
    text: Any = table.loc[(3, 0, 3)]
    assert (text["points"], text["missing"]) == (64, "")
    some: Any = table.loc[(3, 0, 0)]
    assert some["missing"].startswith("scales above ")
    assert read_prompt_clouds() == list(read_index().clouds())


def test_without_prompts_there_is_an_index_that_says_why(
    base: Path, tiny_models: dict[str, TinyModel]
) -> None:
    write_prompts(numbers=[], nothing="data_prep.prompts.count is 0")
    embed_prompts(tiny_models["gpt2"].source, settings_of())
    write_prompt_clouds()
    assert read_index().nothing == "data_prep.prompts.count is 0"
    assert list(files_of(paths.PROMPT_NEIGHBOURS)) == ["index.json"]
    assert len(read_table(paths.CLOUDS / "prompts.parquet")) == 0
    assert read_prompt_clouds() == []


def test_a_damaged_or_missing_record_is_named(
    base: Path, tiny_models: dict[str, TinyModel]
) -> None:
    write_prompts(numbers=[3], shuffles=[0])
    embed_prompts(tiny_models["gpt2"].source, settings_of())
    (cloud,) = read_index().clouds()
    path = paths.PROMPT_NEIGHBOURS / cloud.file
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"prompt-000003-shuffle-0\.npz is damaged"):
        read_record(cloud)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"shuffle-0\.npz is missing: `dvc repro`"):
        read_record(cloud)
