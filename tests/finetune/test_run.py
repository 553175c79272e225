"""Fine-tuning: what is trained, which states are kept, and that a kill changes no byte."""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file

from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.finetune import checkpointing, fine_tuning, trainable
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.fine_tuning import finetune, make_task
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.blocks import ExampleStream, packed, sequences
from lm_geometry.finetune.tasks.causal_lm import CausalBatch
from lm_geometry.finetune.tasks.masked_lm import MaskedBatch
from lm_geometry.finetune.tasks.task import Example
from lm_geometry.models.load import load_model, load_tokenizer, load_with_head
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.corpora import CorpusSplit, TrainingCorpus, write_training
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.finetune.training_run import read_training_run
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from tests.conftest import TEXTS, TinyModel
from tests.structure import ROOT
from tests.unfinished_work import unpublished

KILLED = """
import json, os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.checkpointing import KeepCheckpoints
from lm_geometry.finetune.fine_tuning import finetune

given = json.loads(sys.argv[2])
on_step_end = KeepCheckpoints.on_step_end


def killed(self, args, state, control, **rest):
    if state.global_step == given["step"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return on_step_end(self, args, state, control, **rest)


KeepCheckpoints.on_step_end = killed
settings = Finetune.model_validate(given["settings"])
source = ModelSource(**given["source"])
finetune(source, settings, given["columns"], given["columns"], Path(given["work"]))
"""


def settings_of(**changes: Any) -> Finetune:
    lora = {"rank": 2, "alpha": 4, **changes.pop("lora", {})}
    short = {"steps": 6, "checkpoints": [2, 4, 6], "batch_size": 2, "block_tokens": 16}
    more = {"warmup_steps": 1, "evaluation_sequences": 4, "learning_rate": 1e-2}
    return Finetune.model_validate({**short, **more, **changes, "lora": lora})


COLUMNS = {
    "text": TEXTS,
    "label": ["speech", "nature", "measure", "speech", "", "nature", "measure", "speech"],
    "words": [text.split(" ") for text in TEXTS],
    "tags": [
        ["B-place" if word in ("sea", "river", "senate,") else "O" for word in text.split(" ")]
        for text in TEXTS
    ],
}


def run(source: ModelSource, settings: Finetune, work: Path) -> list[dict[str, Any]]:
    return finetune(source, settings, COLUMNS, COLUMNS, work)["curve"]


def model_to_train(source: ModelSource, settings: Finetune) -> Any:
    with quiet_loading():
        task = make_task(settings, load_tokenizer(source), COLUMNS, COLUMNS)
        return trainable.trainable(source, settings, task)


def files_of(folder: Path) -> dict[str, bytes]:
    found = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def curve_of(records: list[dict[str, Any]], curve: str) -> dict[int, float]:
    return {record["step"]: record["loss"] for record in records if record["curve"] == curve}


def adapted(folder: Path) -> set[str]:
    """Paths of the adapted maps inside the model."""
    keys = load_file(folder / "adapter_model.safetensors")
    return {key.removeprefix("base_model.model.").split(".lora_")[0] for key in keys}


def test_adapters_are_at_the_asked_layers_and_projections(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    settings = settings_of(lora={"modules": ["v_proj", "q_proj"], "layers": [0, 2]})
    run(tiny_models["llama"].source, settings, tmp_path)
    wanted = {f"model.layers.{i}.self_attn.{name}_proj" for i in (0, 2) for name in ("q", "v")}
    assert adapted(tmp_path / "checkpoints" / "4") == wanted


@pytest.mark.parametrize(
    ("name", "task", "prefix", "maps"),
    [
        ("llama", "causal_lm", "model.layers.1.", 7),
        ("gpt2", "causal_lm", "transformer.h.1.", 4),
        ("bert", "masked_lm", "bert.encoder.layer.1.", 6),
    ],
)
def test_all_linear_means_every_map_of_a_block_and_no_head(
    tiny_models: dict[str, TinyModel], name: str, task: str, prefix: str, maps: int
) -> None:
    source = tiny_models[name].source
    names = adapted_names(source, settings_of(task=task))
    assert len(names) == maps * source.layers
    limited = adapted_names(source, settings_of(task=task, lora={"layers": [1]}))
    assert limited == {path for path in names if path.startswith(prefix)}
    assert len(limited) == maps


def adapted_names(source: ModelSource, settings: Finetune) -> set[str]:
    model = model_to_train(source, settings)
    found = [name for name, weight in model.named_parameters() if weight.requires_grad]
    return {name.removeprefix("base_model.model.").split(".lora_")[0] for name in found}


def test_projections_that_a_model_does_not_have_are_named(
    tiny_models: dict[str, TinyModel],
) -> None:
    settings = settings_of(lora={"modules": ["q_proj", "query"]})
    with pytest.raises(ValueError, match=r"finetune\.lora\.modules: \['query'\].*'q_proj'"):
        model_to_train(tiny_models["llama"].source, settings)


def test_states_are_kept_at_exactly_the_listed_steps(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    settings = settings_of(checkpoints=[5, 1, 3], steps=7, lora={"dropout": 0.1})
    records = run(tiny_models["llama"].source, settings, tmp_path)
    assert sorted(f.name for f in (tmp_path / "checkpoints").glob("[!.]*")) == ["1", "3", "5"]
    assert list(curve_of(records, "validation")) == [0, 1, 3, 5]
    assert list(curve_of(records, "training")) == [1, 2, 3, 4, 5, 6, 7]
    weights = [
        load_file(tmp_path / f"checkpoints/{i}/adapter_model.safetensors") for i in (1, 3, 5)
    ]
    assert all(
        not torch.equal(first[key], second[key])
        for first, second in itertools.pairwise(weights)
        for key in first
    )
    assert sorted(file.name for file in tmp_path.glob("[!.]*")) == ["checkpoints", "records.json"]


def test_training_lowers_the_loss(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    settings = settings_of(method="full", steps=30, checkpoints=[30], batch_size=4)
    curve = curve_of(run(tiny_models["llama"].source, settings, tmp_path), "validation")
    assert curve[30] < 0.8 * curve[0]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gpt2", {"lora": {"dropout": 0.2}, "accumulate": 2}),
        pytest.param(
            "bert",
            {"task": "masked_lm", "packing": False, "schedule": "cosine", "seed": 3},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    tiny_models: dict[str, TinyModel], tmp_path: Path, name: str, changes: dict[str, Any]
) -> None:
    source = tiny_models[name].source
    settings = settings_of(**changes)
    records = run(source, settings, tmp_path / "whole")
    run(source, settings, tmp_path / "again")
    whole = files_of(tmp_path / "whole")
    assert (
        len(whole) == 11
    )  # two files of each of three checkpoints, the records, and a manifest each
    assert files_of(tmp_path / "again") == whole
    given = {"source": source.record(), "settings": settings.model_dump(), "columns": COLUMNS}
    given |= {"work": str(tmp_path / "killed"), "step": 5}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(ROOT / "src"), json.dumps(given)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed" / "records.json").exists()
    assert "step 4: validation loss" in done.stdout
    assert "step 6" not in done.stdout
    assert run(source, settings, tmp_path / "killed") == records
    assert files_of(tmp_path / "killed") == whole


TAGGED = {"task": "token_classification", "freeze": ["layer.0"], "dropout": {"hidden": 0.3}}
CLASSIFIED = {
    "task": "sequence_classification",
    "method": "lora",
    "freeze": ["layers.1"],
    "lora": {"dropout": 0.1},
    "epochs": 1.5,
    "steps": None,
    "checkpoints": {"every": 2},
    "gradient_checkpointing": True,
}


@pytest.mark.parametrize(
    ("where", "name", "changes"),
    [
        ("before the mark", "llama", {}),
        ("after the last step", "llama", {}),
        ("before the mark", "bert", TAGGED),
        ("before the mark", "llama", CLASSIFIED),
        ("before the mark", "gpt2", {"precision": "bfloat16", "schedule": "polynomial"}),
    ],
)
def test_whenever_it_is_interrupted_the_bytes_are_the_same(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    name: str,
    changes: dict[str, Any],
) -> None:
    source = tiny_models[name].source
    settings = settings_of(**{"method": "full", **changes})
    run(source, settings, tmp_path / "whole")

    def interrupt(*arguments: Any, **_: Any) -> None:
        if where == "after the last step" or Path(arguments[2]).name == "4":
            raise KeyboardInterrupt
        export(*arguments)

    export = checkpointing.export
    early = where == "before the mark"
    patched = (checkpointing, "export") if early else (fine_tuning, "measured_so_far")
    with monkeypatch.context() as patch:
        patch.setattr(*patched, interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(source, settings, tmp_path / "cut")
    trainer = sorted(f.name for f in (tmp_path / "cut" / "trainer").iterdir())
    assert f"checkpoint-{4 if early else 6}" in trainer
    run(source, settings, tmp_path / "cut")
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")


def test_a_run_with_one_late_checkpoint_goes_on_from_a_step_before_it(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["bert"].source
    settings = settings_of(task="masked_lm", method="full", checkpoints=[6], schedule="linear")
    run(source, settings, tmp_path / "whole")
    monkeypatch.setattr(checkpointing, "SAVE_SECONDS", 0.0)
    log = checkpointing.KeepCheckpoints.on_log
    steps: list[int] = []

    def interrupted(self: Any, args: Any, state: Any, *rest: Any, **more: Any) -> Any:
        steps.append(state.global_step)
        if steps == [0, 1, 2, 3, 4, 5]:
            raise KeyboardInterrupt
        return log(self, args, state, *rest, **more)

    monkeypatch.setattr(checkpointing.KeepCheckpoints, "on_log", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(source, settings, tmp_path / "cut")
    assert not (tmp_path / "cut" / "checkpoints").exists()
    steps.clear()
    run(source, settings, tmp_path / "cut")
    assert steps[0] == 5  # 4 steps were not trained again
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")


def test_a_whole_model_can_be_trained_and_loaded(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["gpt2"]
    run(tiny.source, settings_of(method="full"), tmp_path)
    base, early, late = (
        load_model(tiny.source, folder).state_dict()
        for folder in (None, tmp_path / "checkpoints/2", tmp_path / "checkpoints/6")
    )
    assert base.keys() == late.keys()
    trained = [key for key in base if not torch.equal(base[key], late[key])]
    assert {key.split(".")[2] for key in trained if ".h." in key} == {"0", "1"}
    assert "transformer.wte.weight" in trained
    assert any(not torch.equal(early[key], late[key]) for key in base)
    stored = load_file(tmp_path / "checkpoints/6/model.safetensors")
    assert all(torch.equal(stored[key], late[key]) for key in stored)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_merged_adapters_give_the_states_of_unmerged_ones(
    tiny_models: dict[str, TinyModel], tmp_path: Path, name: str
) -> None:
    from peft import PeftModel

    tiny = tiny_models[name]
    settings = settings_of(lora={"rank_stabilised": True, "alpha": 16})
    run(tiny.source, settings, tmp_path)
    folder = tmp_path / "checkpoints" / "6"
    ids = torch.tensor([load_tokenizer(tiny.source)(TEXTS[5])["input_ids"]])
    merged = load_model(tiny.source, folder)
    base = load_model(tiny.source)
    with torch.no_grad():
        found = torch.stack(merged(ids, output_hidden_states=True).hidden_states)
        before = torch.stack(base(ids, output_hidden_states=True).hidden_states)
        with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
            unmerged = PeftModel.from_pretrained(base, str(folder)).eval()
        wanted = torch.stack(unmerged(ids, output_hidden_states=True).hidden_states)
    norms = wanted.norm(dim=-1)
    assert ((found - wanted).norm(dim=-1) / norms).max() < 1e-5
    assert ((found - before).norm(dim=-1) / norms).max() > 0.01


def test_a_checkpoint_names_its_base_and_no_path_of_this_machine(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = tiny_models["bert"]
    monkeypatch.setenv("TINY_MODELS", str(tiny.folder.parent))
    source = replace(tiny.source, source="file:$TINY_MODELS/bert")
    run(source, settings_of(task="masked_lm"), tmp_path / "one")
    text = (tmp_path / "one" / "checkpoints" / "2" / "adapter_config.json").read_text()
    config = json.loads(text)
    assert config["base_model_name_or_path"] == "file:$TINY_MODELS/bert"
    for machine_path in (tiny.folder.parent, tmp_path, Path.home(), ROOT):
        assert str(machine_path) not in text
    assert config["target_modules"] == ["dense", "key", "query", "value"]
    assert list(config) == sorted(config)


@pytest.mark.parametrize("weights", ["pretrained", "random"])
def test_a_run_asks_the_hub_nothing(
    tiny_models: dict[str, TinyModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    weights: str,
) -> None:
    def asked(*_: Any, **__: Any) -> None:
        pytest.fail("the hub was asked")

    def from_the_hub(*arguments: Any) -> Any:
        model, new = load_with_head(*arguments)
        model.name_or_path = "owner/name"
        return model, new

    monkeypatch.setattr("peft.utils.other.file_exists", asked)
    monkeypatch.setattr(trainable, "load_with_head", from_the_hub)
    source = replace(tiny_models["llama"].source, weights=weights, seed=3)
    run(source, settings_of(), tmp_path)
    assert len(adapted(tmp_path / "checkpoints" / "6")) == 21


def test_blocks_are_cut_from_the_joined_texts(tiny_models: dict[str, TinyModel]) -> None:
    tokenizer = load_tokenizer(tiny_models["llama"].source)
    joined = [token for text in TEXTS for token in tokenizer(text)["input_ids"]]
    blocks = packed(TEXTS, tokenizer, 16)
    assert {len(block) for block in blocks} == {16}
    assert [token for block in blocks for token in block] == joined[: len(joined) // 16 * 16]
    with pytest.raises(ValueError, match=r"finetune\.block_tokens: 9999 is more than the"):
        packed(TEXTS, tokenizer, 9999)


def test_without_packing_each_text_is_an_example(tiny_models: dict[str, TinyModel]) -> None:
    tokenizer = load_tokenizer(tiny_models["gpt2"].source)
    found = sequences([*TEXTS, "a", ""], tokenizer, 12)
    assert found == [tokenizer(text)["input_ids"][:12] for text in TEXTS]


def test_without_packing_the_run_sees_each_text(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    source = tiny_models["llama"].source
    one = run(source, settings_of(packing=False), tmp_path / "texts")
    other = run(source, settings_of(packing=True), tmp_path / "blocks")
    assert curve_of(one, "validation")[0] == curve_of(other, "validation")[0]
    assert curve_of(one, "training")[1] != curve_of(other, "training")[1]


def test_each_epoch_is_a_permutation_that_the_length_does_not_change() -> None:
    examples = [Example([i]) for i in range(7)]
    long, short = ExampleStream(examples, 20, 5), ExampleStream(examples, 9, 5)
    seen = [long[i].input_ids[0] for i in range(len(long))]
    assert len(long) == 20
    assert sorted(seen[:7]) == sorted(seen[7:14]) == list(range(7))
    assert seen[:7] != seen[7:14]
    assert [short[i].input_ids[0] for i in range(9)] == seen[:9]
    assert [ExampleStream(examples, 20, 6)[i].input_ids[0] for i in range(20)] != seen


def test_labels_keep_a_true_end_token_and_neither_padding_nor_the_first(
    tiny_models: dict[str, TinyModel],
) -> None:
    tokenizer = load_tokenizer(tiny_models["gpt2"].source)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    end = tokenizer.eos_token_id
    batch = CausalBatch(tokenizer)(
        [Example([5, 6, end], index=0), Example([7, 8, 9, 10, end], index=1)]
    )
    assert batch["labels"].tolist() == [[-100, 6, end, -100, -100], [-100, 8, 9, 10, end]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def test_masks_are_drawn_by_the_place_in_the_run(tiny_models: dict[str, TinyModel]) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    ids = tokenizer(TEXTS)["input_ids"]

    def labels(index: int, seed: int = 0) -> list[list[int]]:
        batch = MaskedBatch(tokenizer, seed, 0.15)
        batch([Example(ids[0], index=77)])  # what came before does not matter
        masked = batch([Example(one, index=index) for one in ids])
        return masked["labels"].tolist() + masked["input_ids"].tolist()

    assert labels(4) == labels(4)
    assert labels(4) != labels(5)
    assert labels(4) != labels(4, seed=1)


def test_masking_has_the_published_proportions(tiny_models: dict[str, TinyModel]) -> None:
    tokenizer = load_tokenizer(tiny_models["bert"].source)
    ids = (tokenizer(TEXTS[5])["input_ids"] + tokenizer(TEXTS[0])["input_ids"]) * 400
    batch = MaskedBatch(tokenizer, 0, 0.15)([Example(ids)])
    original, seen, labels = torch.tensor(ids), batch["input_ids"][0], batch["labels"][0]
    special = torch.isin(original, torch.tensor(tokenizer.all_special_ids))
    chosen = labels != -100
    assert not (chosen & special).any()
    assert torch.equal(labels[chosen], original[chosen])
    assert torch.equal(seen[~chosen], original[~chosen])
    total = int((~special).sum())
    within(int(chosen.sum()), total, 0.15)
    within(int((seen[chosen] == tokenizer.mask_token_id).sum()), int(chosen.sum()), 0.8)
    same = 0.1 + 0.1 / len(tokenizer)
    within(int((seen[chosen] == original[chosen]).sum()), int(chosen.sum()), same)


def within(count: int, total: int, share: float) -> None:
    """Whether a binomial count lies within four standard deviations."""
    assert abs(count / total - share) < 4 * (share * (1 - share) / total) ** 0.5


def test_a_tokenizer_without_a_mask_token_is_refused(tiny_models: dict[str, TinyModel]) -> None:
    with pytest.raises(ValueError, match="masked_lm needs a tokenizer with a mask token"):
        MaskedBatch(load_tokenizer(tiny_models["gpt2"].source), 0, 0.15)


def prepare_training(texts: Iterable[str] = TEXTS) -> None:
    table = Dataset.from_dict({"text": list(texts), "document": list(texts)})
    for split in ("train", "validation"):
        save(table, CorpusSplit("small", split).folder(paths.TRAINING))
    splits = {split: CorpusSplit("small", split) for split in ("train", "validation")}
    write_training(TrainingCorpus("small", splits))


def test_the_finetune_stage_publishes_checkpoints_and_forgets_its_work(
    project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["llama"].source
    settings = settings_of()
    prepare_training()

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fine_tuning, "write_json", interrupt)
        with pytest.raises(KeyboardInterrupt):
            training_run.train(source, settings)
    assert not paths.CHECKPOINTS.exists()
    assert len(list((project / ".scratch" / "finetune").iterdir())) == 1
    run = training_run.train(source, settings)
    assert run == read_training_run()
    assert {r["corpus"] for r in [*run.curve, *run.scores]} == {"small"}
    assert {r["split"] for r in run.scores} == {"validation"}
    assert {(r["curve"], r["split"]) for r in run.curve} == {
        ("training", "train"),
        ("validation", "validation"),
    }
    sizes = {"layers": source.layers, "width": source.width}
    kept = {"steps": [2, 4, 6], "task": "causal_lm"}
    assert read_json(paths.CHECKPOINTS / "index.json") == kept | sizes
    assert read_json(paths.CHECKPOINTS / "base" / "source.json") == source.record()
    there = sorted(folder.name for folder in paths.CHECKPOINTS.iterdir())
    assert there == ["2", "4", "6", "base", "index.json"]
    assert not unpublished(project / ".scratch" / "finetune")


def test_task_none_passes_the_base_model_through(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    source = tiny_models["bert"].source
    prepare_training()
    run = training_run.train(source, settings_of(task="none"))
    assert (run.corpus, run.curve, run.scores) == ("small", [], [])
    assert read_json(paths.CHECKPOINTS / "index.json")["steps"] == []
    assert sorted(f.name for f in paths.CHECKPOINTS.iterdir()) == ["base", "index.json"]
    assert [f.name for f in (paths.CHECKPOINTS / "base").iterdir()] == ["source.json"]


def test_diverged_training_is_told_with_its_step(tiny_models: dict[str, TinyModel]) -> None:
    kept = checkpointing.KeepCheckpoints(tiny_models["llama"].source, [4], Path())
    state = SimpleNamespace(global_step=3)
    kept.on_log(None, state, None, logs={"loss": 2.5})
    with pytest.raises(ValueError, match=r"nan at step 3.*lower finetune\.learning_rate"):
        kept.on_log(None, state, None, logs={"loss": float("nan")})
    with pytest.raises(ValueError, match=r"the validation loss is inf at step 3"):
        kept.on_log(None, state, None, logs={"eval_loss": float("inf")})
