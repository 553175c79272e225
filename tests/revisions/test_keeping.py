"""`lm-geometry keep`: a checkpoint of a run becomes a model of the catalogue."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from dvc.repo import Repo

from lm_geometry.data_prep import model_names
from lm_geometry.data_prep.params import Model
from lm_geometry.finetune.fine_tuning import finetune
from lm_geometry.finetune.params import Finetune
from lm_geometry.models import kept as kept_models
from lm_geometry.models import sources
from lm_geometry.models.catalogue import ModelEntry, read_models
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.corpora import CorpusSplit, TrainingCorpus, write_training
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.revisions import keeping
from lm_geometry.revisions.revision import WORKSPACE, Revision
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.section import read_yaml
from tests.conftest import TEXTS, TinyModel


@pytest.fixture
def run(project: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC project with checkpoint 7 (adapters) and 9 (a whole model) of the tiny Llama."""
    from peft import LoraConfig, get_peft_model

    monkeypatch.setattr(machine, "downloads", lambda: project / "downloads")
    kept_models._is.cache_clear()
    base = tiny_models["llama"].source
    checkpoints = project / "data" / "checkpoints"
    torch.manual_seed(1)
    settings = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    with quiet_loading():
        adapted = get_peft_model(load_model(base), settings)
        adapted.save_pretrained(str(checkpoints / "7"))
    whole = load_model(base)
    with torch.no_grad():
        whole.lm_head.weight.mul_(0.5)
    whole.save_pretrained(checkpoints / "9")
    write_json(checkpoints / "base" / "source.json", base.record())
    write_json(checkpoints / "index.json", {"steps": [7, 9], "task": "causal_lm"})
    write_training(TrainingCorpus("rivers", {"train": CorpusSplit("rivers", "train")}))
    (project / "dvc.yaml").unlink()
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=project, check=True)
    return project


def keep(root: Path, step: int, name: str, form: keeping.Form = "merged") -> ModelEntry:
    return keeping.keep(Revision(WORKSPACE, root), step, name, form, root)


def logits(source: ModelSource, checkpoint: Path | None = None) -> torch.Tensor:
    encoded = load_tokenizer(source)(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        return load_model(source, checkpoint)(input_ids=encoded["input_ids"]).logits


def resolved(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> ModelSource:
    monkeypatch.setattr(model_names, "read_models", lambda: read_models(root))
    return model_names.resolve(
        Model(name=name, weights="pretrained", checkpoints=[], added_steps=0), seed=0
    )


@pytest.mark.parametrize(("step", "form"), [(7, "merged"), (7, "adapter"), (9, "merged")], ids=str)
def test_a_kept_model_computes_what_the_checkpoint_did(
    run: Path,
    tiny_models: dict[str, TinyModel],
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    form: keeping.Form,
) -> None:
    before = (run / "catalogue" / "models.yaml").read_text()
    base = tiny_models["llama"].source
    expected = logits(base, run / "data" / "checkpoints" / str(step))
    assert not torch.equal(expected, logits(base))
    entry = keep(run, step, "my-model", form)
    assert (entry.kind, entry.layers, entry.width) == ("decoder", 3, 32)
    assert f"after {step} steps on rivers" in entry.note
    assert read_models(run)["my-model"] == entry
    after = (run / "catalogue" / "models.yaml").read_text()
    assert after.startswith(before.rstrip("\n"))
    assert "\nmy-model:\n  source: " in after  # block style: dvc.yaml can name the entry alone
    source = resolved(run, "my-model", monkeypatch)
    assert source.source.startswith("kept:my-model#sha256=")
    torch.testing.assert_close(logits(source), expected)
    size = sum(file.stat().st_size for file in (run / "models" / "my-model").glob("*.safetensors"))
    assert (size < 20_000) == (form == "adapter")


BERT, LLAMA = ("bert", "token_classification"), ("llama", "sequence_classification")
FULL, MERGED, ADAPTER = ("full", "merged"), ("lora", "merged"), ("lora", "adapter")


@pytest.mark.parametrize(
    ("name", "task", "method", "form"),
    [
        (*BERT, *FULL),
        (*LLAMA, *ADAPTER),
        *(
            pytest.param(*model, *kept, marks=pytest.mark.slow)
            for model, kept in [(BERT, MERGED), (BERT, ADAPTER), (LLAMA, FULL), (LLAMA, MERGED)]
        ),
    ],
)
def test_a_kept_classifier_is_the_language_model_that_was_embedded(
    run: Path,
    tiny_models: dict[str, TinyModel],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    task: str,
    method: str,
    form: keeping.Form,
) -> None:
    base = tiny_models[name].source
    words = [text.split(" ") for text in TEXTS]
    columns = {"text": TEXTS, "label": ["joy", "fear"] * 4, "words": words}
    columns["tags"] = [["B-x" if len(w) > 5 else "O" for w in sequence] for sequence in words]
    given = {"task": task, "method": method, "steps": 1, "checkpoints": [1], "warmup_steps": 0}
    given |= {"learning_rate": 0.01, "lora": {"rank": 2}, "block_tokens": 16}
    finetune(base, Finetune.model_validate(given), columns, columns, run / "work")
    checkpoint = run / "data" / "checkpoints" / "1"
    shutil.copytree(run / "work" / "checkpoints" / "1", checkpoint)
    write_json(checkpoint.parent / "base" / "source.json", base.record())
    write_json(checkpoint.parent / "index.json", {"steps": [1], "task": task})
    expected = logits(base, checkpoint)
    assert not torch.allclose(expected, logits(base), atol=1e-3)
    keep(run, 1, "my-model", form)
    torch.testing.assert_close(logits(resolved(run, "my-model", monkeypatch)), expected)


def test_the_weights_come_from_dvc_where_the_folder_is_another(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = keep(run, 9, "my-model")
    sha256 = sources.parse(entry.source).sha256
    here = run / "models" / "my-model"
    assert kept_models.fetch_kept("my-model", sha256, run / "downloads") == here
    content = (here / "model.safetensors").read_bytes()
    kept_models._is.cache_clear()
    shutil.rmtree(here)
    fetched = kept_models.fetch_kept("my-model", sha256, run / "downloads")
    assert fetched.is_relative_to(run / "downloads" / "kept")
    assert (fetched / "model.safetensors").read_bytes() == content
    with pytest.raises(FileNotFoundError, match=r"another hash.*dvc pull models/my-model\.dvc"):
        kept_models.fetch_kept("my-model", "0" * 64, run / "downloads")
    assert not (run / "downloads" / "kept" / ("0" * 24)).exists()


@pytest.mark.parametrize(
    ("step", "name", "form", "message"),
    [
        (8, "my-model", "merged", "workspace has no checkpoint 8; its steps are 7, 9"),
        (7, "My_Model", "merged", "'My_Model' is no name of a model: only a-z, 0-9 and -"),
        (7, "smollm2", "merged", "'smollm2' is in catalogue/models.yaml already"),
        (9, "my-model", "adapter", "step 9 is a whole model, not adapters"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    run: Path, step: int, name: str, form: keeping.Form, message: str
) -> None:
    before = (run / "catalogue" / "models.yaml").read_bytes()
    with pytest.raises(ValueError, match=message):
        keep(run, step, name, form)
    assert (run / "catalogue" / "models.yaml").read_bytes() == before
    assert not (run / "models").exists() or not list((run / "models").iterdir())


def test_a_name_is_not_taken_twice(run: Path) -> None:
    keep(run, 9, "my-model")
    with pytest.raises(ValueError, match=r"'my-model' is in catalogue/models.yaml already"):
        keep(run, 7, "my-model")


@pytest.mark.parametrize("left", ["whole", "cut", "before DVC"])
def test_what_a_kill_left_is_made_again(
    run: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """A KeyboardInterrupt leaves what a kill leaves: nothing of it is taken away."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    begun, target = run / "models" / ".mine.abc.tmp", run / "models" / "mine"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keeping, "_track" if left == "before DVC" else "_append", interrupted)
        keep(run, 9, "mine")
    begun.mkdir()
    if left == "cut":
        (target / "model.safetensors").write_bytes(b"cut")
    entry = keep(run, 9, "mine")
    assert read_models(run)["mine"] == entry
    assert sorted(path.name for path in target.parent.iterdir()) == [
        ".gitignore",
        "dvc.yaml",
        "mine",
        "mine.dvc",
    ]
    other = keep(run, 9, "other")
    artifacts = read_yaml(run / "models" / "dvc.yaml")["artifacts"]
    assert {name: one["path"] for name, one in artifacts.items()} == {
        "mine": "mine",
        "other": "other",
    }
    with Repo(str(run)) as repo:  # as DVC reads them
        assert {*repo.artifacts.read()[str(Path("models", "dvc.yaml"))]} == {"mine", "other"}
    assert other.source.partition("#")[2] == entry.source.partition("#")[2]


def test_a_model_whose_entry_was_taken_away_is_not_written_over(run: Path) -> None:
    before = (run / "catalogue" / "models.yaml").read_bytes()
    keep(run, 9, "mine")
    (run / "catalogue" / "models.yaml").write_bytes(before)
    with pytest.raises(ValueError, match=r"mine exists already: choose another name"):
        keep(run, 7, "mine")


def test_an_unknown_revision_is_named(run: Path) -> None:
    subprocess.run(["git", "add", "-A"], cwd=run, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", *identity, "commit", "-qm", "x"], cwd=run, check=True)
    with pytest.raises(ValueError, match=r"no revision or experiment 'nosuch'.*dvc exp list"):
        keeping.keep(Revision("nosuch", run), 7, "my-model", root=run)


def test_a_step_that_was_read_is_no_model_of_ours(run: Path) -> None:
    elsewhere = {"source": "hub:org/series@step500", "name": "series"}
    base = ModelSource(**read_json(run / "data" / "checkpoints" / "base" / "source.json"))
    write_json(run / "data/checkpoints/500/source.json", base.record() | elsewhere)
    write_json(run / "data/checkpoints/index.json", {"steps": [500], "task": "none"})
    with pytest.raises(
        ValueError, match="step 500 was read and not trained: it is hub:org/series@"
    ):
        keep(run, 500, "mine")
    assert not (run / "models" / "mine").exists()
