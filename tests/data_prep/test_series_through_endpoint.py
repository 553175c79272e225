"""Stages in processes of their own, with a hub that HF_ENDPOINT names, and again without a hub."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM

from lm_geometry.workspace.files import read_json
from tests.conftest import TEXTS, TinyModel
from tests.models.hub_server import Revisions, commit_of, served
from tests.structure import ROOT

pytestmark = pytest.mark.slow  # a process of stages takes ten seconds to begin
ID = "org/series"
STAGES = """
import sys
sys.path.insert(0, "src")
from importlib import import_module
from lm_geometry.workspace.faults import sentences
given = {"finetune": [lambda: None]}  # what a training is watched by
with sentences():
    for stage in sys.argv[1].split(","):
        import_module(f"lm_geometry.{stage}.run").run(*given.get(stage, []))
"""
ALL = "data_prep,finetune,embed"
CHANGES: dict[str, Any] = {
    "model.name": f"hub:{ID}",
    "model.checkpoints": "[step10,step200]",
    "data_prep.train": "file:texts.jsonl",
    "data_prep.evaluate": "[file:texts.jsonl]",
    "data_prep.min_characters": "0",
    "data_prep.proportions": "{train: 0.4, validation: 0.5, test: 0.1}",
    "data_prep.prompts.corpus": "file:texts.jsonl",
    "data_prep.prompts.count": "2",
    "data_prep.prompts.tokens": "16",
    "data_prep.prompts.shuffles": "[0]",
    "finetune.task": "none",
    "embed.layers": "[last]",
    "embed.prompts.checkpoints": "all",
    "embed.prompts.gride_range": "4",
    "embed.prompts.overlap_k": "3",
}


@dataclass
class Copy:
    """A project of its own, whose processes have a home of the hub's libraries of their own."""

    root: Path
    home: Path
    changed: dict[str, str] = field(default_factory=dict)

    def run(self, stages: str, **environment: str) -> tuple[int, str]:
        """Exit status and what was printed of stages in one process."""
        from dvc.utils.hydra import apply_overrides

        values = CHANGES | self.changed
        apply_overrides(self.root / "params.yaml", [f"{k}={v}" for k, v in values.items()])
        own = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PYTHONPATH"))}
        own |= {"HF_HOME": str(self.home), "HF_HUB_DISABLE_XET": "1", **environment}
        ran = subprocess.run(
            [sys.executable, "-c", STAGES, stages],
            cwd=self.root, capture_output=True, text=True, env=own,
        )  # fmt: skip
        assert "Traceback" not in ran.stderr, ran.stderr
        return ran.returncode, ran.stdout + ran.stderr

    def outs(self) -> dict[str, bytes]:
        names = ("model.json", "hidden_states/200", "prompt_neighbours")
        found = [f for name in names for f in sorted((self.root / "data").glob(f"{name}/**/*"))]
        found.append(self.root / "data" / "model.json")
        return {str(f.relative_to(self.root)): f.read_bytes() for f in found if f.is_file()}


@pytest.fixture
def copy(copied_project: Path, tmp_path: Path) -> Copy:
    root = shutil.copytree(copied_project, tmp_path / "project")
    rows = [{"text": f"{text} {text} {text} {n}", "document": n} for n, text in enumerate(TEXTS)]
    pd.DataFrame(rows).to_json(root / "texts.jsonl", orient="records", lines=True)
    shutil.copytree(ROOT / "stages", root / "stages")
    return Copy(root, tmp_path / "home")


@pytest.fixture
def hub(tiny_models: dict[str, TinyModel], tmp_path: Path) -> Iterator[str]:
    """Three states of the tiny Llama, and adapters alone as a branch."""
    made: Revisions = {"main": tiny_models["llama"].folder}
    for number, name in enumerate(("step10", "step200"), 1):
        made[name] = shutil.copytree(made["main"], tmp_path / name)
        model = AutoModelForCausalLM.from_pretrained(made[name])
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1 + 0.1 * number)
        model.save_pretrained(made[name])
    made["adapters"] = tmp_path / "adapters"
    made["adapters"].mkdir()
    described = '{"peft_type": "LORA", "base_model_name_or_path": "org/base"}'
    (made["adapters"] / "adapter_config.json").write_text(described)
    with served(ID, made) as (address, _):
        yield address


def test_a_series_is_read_by_its_endpoint_and_again_without_a_network(copy: Copy, hub: str) -> None:
    ended, told = copy.run(ALL, HF_ENDPOINT=hub)
    assert ended == 0, told
    found = read_json(copy.root / "data" / "model.json")
    assert [step["source"] for step in found["series"]] == [
        f"hub:{ID}@{commit_of(step)}" for step in ("step10", "step200")
    ]
    records = pd.Series([f.parts[-2:] for f in (copy.root / "data/prompt_neighbours").rglob("*")])
    assert {"base", "10", "200"} <= {part for parts in records for part in parts}
    first = copy.outs()
    shutil.rmtree(copy.root / "data")
    shutil.rmtree(copy.root / ".scratch", ignore_errors=True)
    ended, told = copy.run(ALL, HF_HUB_OFFLINE="1")
    assert ended == 0, told
    assert copy.outs() == first
    copy.changed = {"model.checkpoints": "[step10,step30,step*]"}
    ended, told = copy.run("data_prep", HF_HUB_OFFLINE="1")
    assert ended == 1
    assert "step30: https://huggingface.co/org/series is not in this machine's cache" in told
    assert "'step*' stands for what the hub has, which HF_HUB_OFFLINE forbids to ask for" in told


def test_adapters_alone_are_told_from_the_hub_and_from_the_cache(copy: Copy, hub: str) -> None:
    copy.changed = {"model.name": f"hub:{ID}@adapters", "model.checkpoints": "[]"}
    for environment in ({"HF_ENDPOINT": hub}, {"HF_HUB_OFFLINE": "1"}):
        ended, told = copy.run("data_prep", **environment)
        assert ended == 1
        assert f"hub:{ID}@adapters holds adapters alone, of org/base: merge them" in told
