"""A small project of its own folder, whose stages embed to estimate run as processes."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from lm_geometry.outs.finetune.checkpoints import write_index
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.section import read_yaml
from tests.conftest import TinyModel
from tests.prepared_prompts import WORDS, write_prompts
from tests.structure import ROOT
from tests.tokenised_texts import prepare_corpora

CHANGES: dict[str, dict[str, Any]] = {
    "embed": {"layers": [1, 3], "keep_tokens": 2000, "batch_tokens": 256},
    "token_sample": {"prepared": 400, "points": 200},
    "estimate": {
        "n_neighbors": [16],
        "gride_range": 32,
        "exclude": ["none"],
        "lpca": {"rule": "FO", "constants": {}, "tokens": 20},
        "surrogates": {"kinds": []},
    },
}
OUTS = {
    "embed": ("hidden_states", "losses", "tokens", "prompt_neighbours"),
    "estimate": ("estimates",),
}
SMALL_SHARDS = "SHARD_TOKENS = 2**16"


@dataclass
class StageProject:
    """Its folder, and what its processes have in their environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def scratch(self) -> Path:
        """Where cells are kept until they are gathered, and after."""
        return self.folder / ".scratch"

    def start(self, stage: str, **settings: object) -> "subprocess.Popen[str]":
        """A stage's own script with settings of the machine, in a process group of its own."""
        own = {f"LM_GEOMETRY_{name.upper()}": str(value) for name, value in settings.items()}
        return subprocess.Popen(
            [sys.executable, f"stages/{stage.replace('-', '_')}.py"],
            cwd=self.folder,
            env=self.variables() | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, stage: str, **settings: object) -> str:
        """What a stage printed; raises AssertionError where it failed."""
        process = self.start(stage, **settings)
        printed, _ = process.communicate(timeout=600)
        assert process.returncode == 0, printed
        return printed

    def fails(self, stage: str, **settings: object) -> str:
        """What a stage printed that failed."""
        process = self.start(stage, **settings)
        printed, _ = process.communicate(timeout=600)
        assert process.returncode > 0, printed
        return printed

    def variables(self) -> dict[str, str]:
        """The environment of its processes, without settings of the machine that tests have."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LM_GEOMETRY_")}
        own = {
            "LM_GEOMETRY_DEVICE": "cpu",
            "LM_GEOMETRY_THREADS": "1",
            "LM_GEOMETRY_DOWNLOADS": str(self.folder.parent / "downloads"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(self.folder / "src"),
        }
        return kept | own | self.environment

    def bytes(self, stage: str) -> dict[str, bytes]:
        """What a stage left, by path."""
        folders = [self.folder / "data" / name for name in OUTS[stage]]
        files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in files}

    def forget(self, stage: str, scratch: bool = True) -> None:
        """Remove what a stage left, and with `scratch` its cells, too."""
        for name in OUTS[stage]:
            shutil.rmtree(self.folder / "data" / name, ignore_errors=True)
        if scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a piece of a file of the project, which must be in it."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, (path, old)
        file.write_text(text.replace(old, new))


def prepared(
    project: Path,
    tiny: TinyModel,
    sequences: int = 60,
    shard_tokens: int = 512,
    changes: Mapping[str, Mapping[str, Any]] = CHANGES,
) -> StageProject:
    """The fixture `project` with code of its own, and all that embed reads: two corpora, prompts.

    Shards are small, so that the larger corpus has several.
    """
    for name in ("src", "stages"):
        (project / name).unlink()
        ignored = shutil.ignore_patterns("__pycache__", "*.nb?", "*.egg-info")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(5, 40))) for _ in range(sequences)]
    prepare_corpora({"large": texts, "small": texts[:3]})
    write_index([], "none", tiny.source.layers, tiny.source.width)
    write_json(paths.MODEL, tiny.source.record())
    write_prompts()
    params = read_yaml(ROOT / "params.yaml")
    for section, values in changes.items():
        params[section] |= values
    params["embed"]["prompts"] |= {"gride_range": 32, "overlap_k": 7}
    with (project / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    made = StageProject(project)
    if (project / "src/lm_geometry/embed/shards.py").exists():
        made.edit("src/lm_geometry/embed/shards.py", SMALL_SHARDS, f"SHARD_TOKENS = {shard_tokens}")
    return made


def end_group(process: "subprocess.Popen[str]", sign: int = signal.SIGKILL) -> None:
    """Send a signal to a process alone, and wait for its end."""
    process.send_signal(sign)
    process.wait(60)
