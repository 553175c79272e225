"""A project whose one stage has cells that cost nothing, by the executors of the real stages.

What is tried with it is how cells are given out, lost and gathered, many times in a minute: the
stages themselves take longer to be loaded.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.structure import ROOT

SCRIPT = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from lm_geometry.workspace.stage import running

if __name__ == "__main__":
    with running("toy"):
        from lm_geometry.experiments.executors.chosen import execute
        from lm_geometry.workspace.work import finish
        from toy_work import ToyWork

        finish("toy", [ToyWork()], execute)
"""
WORK = """
import hashlib, os, signal, time
from pathlib import Path

from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.section import ROOT, read_yaml
from lm_geometry.workspace.work import Cell

BESIDE = ROOT.parent / "beside"


class ToyWork:
    tells = False
    gpus = "none"
    memory_on_a_core = 0

    def __init__(self):
        self.params = read_yaml(ROOT / "params.yaml")
        self.within = Cells("toy", {"seed": self.params["seed"]})
        names = [f"{group}/{i:03d}" for group in "ab" for i in range(self.params["cells"] // 2)]
        self.cells = [Cell(n, n[0], 1, self.within, (n,)) for n in names]

    def opened(self, group):
        return self.keep

    def keep(self, cell):
        node = os.environ.get("SLURMD_NODENAME", "here")
        with (BESIDE / "computed.txt").open("a") as file:
            file.write(f"{cell.name} {os.getpid()} {node}\\n")
        time.sleep(self.params["seconds"])
        told = cell.name.replace("/", "-")
        if (BESIDE / f"fail-{told}").exists():
            raise ValueError(f"{cell.name} brings no luck")
        if (BESIDE / f"memory-{told}").exists():
            held = b'1' * 600_000_000
            time.sleep(30)
        if (BESIDE / f"die-{told}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if (BESIDE / f"stop-{told}").exists():
            (BESIDE / f"stop-{told}").unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        content = hashlib.sha256(f"{self.params['seed']} {cell.name}".encode()).digest() * 500
        with whole_file(self.within.path(cell.name)) as temporary:
            temporary.write_bytes(content[:8000])
            time.sleep(self.params["seconds"] / 4)
            with temporary.open("ab") as file:
                file.write(content[8000:])
        self.within.finish(cell.name)

    def ended(self, group):
        with (BESIDE / "ended.txt").open("a") as file:
            file.write(f"{group}\\n")

    def gather(self):
        for cell in self.cells:
            self.within.publish(cell.name, to=ROOT / "data" / "toy" / cell.name)
        self.within.published()
"""
PIPELINE = """\
stages:
  toy:
    cmd: python stages/toy.py
    deps: [stages/toy.py, stages/toy_work.py]
    params: [seed, cells]
    outs: [data/toy]
"""


@dataclass
class ToyStage:
    """The project's folder, and what its processes have in their environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def beside(self) -> Path:
        """Where cells say that they were begun, and are told to fail."""
        return self.folder.parent / "beside"

    def start(self, **settings: object) -> "subprocess.Popen[str]":
        """The stage with settings of the machine, in a process group of its own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LM_GEOMETRY_")}
        own = {f"LM_GEOMETRY_{name.upper()}": str(value) for name, value in settings.items()}
        return subprocess.Popen(
            [sys.executable, "stages/toy.py"],
            cwd=self.folder,
            env=kept | {"LM_GEOMETRY_DEVICE": "cpu"} | self.environment | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, fails: bool = False, **settings: object) -> str:
        """What it printed; raises AssertionError where it ended otherwise than it should."""
        process = self.start(**settings)
        printed, _ = process.communicate(timeout=600)
        assert (process.returncode > 0) == fails, printed
        return printed

    def begun(self) -> Counter[str]:
        """How often each cell was begun."""
        file = self.beside / "computed.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return Counter(line.split()[0] for line in lines)

    def workers(self) -> list[int]:
        """The processes that computed cells, each once, in the order of their first one."""
        lines = (self.beside / "computed.txt").read_text().splitlines()
        return list(dict.fromkeys(int(line.split()[1]) for line in lines))

    def nodes(self) -> set[str]:
        """The nodes of Slurm on which cells were computed."""
        lines = (self.beside / "computed.txt").read_text().splitlines()
        return {line.split()[2] for line in lines}

    def bytes(self) -> dict[str, bytes]:
        """What it left, by path."""
        place = self.folder / "data" / "toy"
        files = sorted(file for file in place.rglob("*") if file.is_file())
        return {str(file.relative_to(place)): file.read_bytes() for file in files}

    def forget(self) -> None:
        """Remove results, cells, and what was said of them."""
        for place in (self.folder / "data", self.folder / ".scratch", self.beside):
            shutil.rmtree(place, ignore_errors=True)
        self.beside.mkdir()


def toy_stage(folder: Path, cells: int = 12, seconds: float = 0.1) -> ToyStage:
    """The project in a folder; cells take about `seconds`."""
    project = folder / "toy"
    (project / "stages").mkdir(parents=True)
    (folder / "beside").mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.nb?", "*.egg-info")
    shutil.copytree(ROOT / "src", project / "src", ignore=ignored)
    (project / "stages" / "toy.py").write_text(SCRIPT)
    (project / "stages" / "toy_work.py").write_text(WORK)
    (project / "dvc.yaml").write_text(PIPELINE)
    (project / "params.yaml").write_text(f"seed: 1\ncells: {cells}\nseconds: {seconds}\n")
    return ToyStage(project)
