"""slurm.yaml: what jobs, of a study or of one stage, ask of the cluster."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from lm_geometry.workspace.section import Section

_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d{1,2}))?(?::(\d{1,2}))?")


class SlurmSettings(Section):
    """What each job asks for, and where it works."""

    cluster: Literal["slurm", "local"] = Field(
        "slurm",
        description="local: the same jobs as processes of this machine, to try a file without "
        "Slurm; what only Slurm knows is then ignored",
    )
    time: str = Field(
        description="limit of a job: hours:minutes, hours:minutes:seconds, or days-hours:..."
    )
    partition: str = Field("", description="empty: the cluster's default")
    account: str = Field("", description="whom the cluster bills; empty: the default")
    gpus: int = Field(0, ge=0, description="GPUs of a job")
    cpus: int = Field(1, gt=0, description="CPU cores of a job, and threads of its stages")
    memory: str = Field(
        pattern=r"^[1-9]\d*(MB|GB|TB)$", description="memory of a job, such as 32GB"
    )
    parallel: int = Field(
        16,
        gt=0,
        description="jobs of an array that run at a time; a study has up to three arrays, for what "
        "its experiments share",
    )
    restarts: int = Field(
        2,
        ge=0,
        description="how often a job that reached its time limit goes on in a new one; stages "
        "begin after their last finished cell",
    )
    clones: str = Field(
        "",
        description="folder of the jobs' clones, which every node has: best on the file system of "
        "DVC's cache, which is then linked and not copied; empty: `clones` in .scratch",
    )
    setup: list[str] = Field(
        [], description="shell lines before each job, such as `module load cuda/12.4`"
    )
    sbatch: dict[str, str | int | bool] = Field(
        {}, description="further options of sbatch, without dashes: {qos: long, gres: 'gpu:a100:1'}"
    )

    @field_validator("time")
    @classmethod
    def _time_is_understood(cls, value: str) -> str:
        if not _minutes(value):
            raise ValueError("hours:minutes, hours:minutes:seconds or days-hours, above zero")
        return value

    @field_validator("sbatch")
    @classmethod
    def _options_are_further(cls, value: dict[str, Any]) -> dict[str, Any]:
        for option in value:
            if option.startswith("-") or not re.fullmatch(r"[a-z][a-z0-9-]*", option):
                raise ValueError(f"{option}: write an option of sbatch in full, without dashes")
            if own := _OURS.get(option):
                raise ValueError(f"{option}: {own}")
        return value

    @property
    def minutes(self) -> int:
        """The time limit in minutes, as Slurm counts it."""
        return _minutes(self.time)

    def told(self) -> str:
        """What a job asks for, in a line."""
        asked = [self.partition and f"partition {self.partition}", f"time {self.time}"]
        asked += [f"{self.gpus} GPUs" if self.gpus else "", f"{self.cpus} CPUs", self.memory]
        asked += [f"{option} {value}" for option, value in self.sbatch.items()]
        return ", ".join(filter(None, asked))


_OURS = {
    "time": "use `time` above it",
    "partition": "use `partition` above it",
    "account": "use `account` above it",
    "cpus-per-task": "use `cpus`",
    "mem": "use `memory`",
    "gpus-per-node": "use `gpus`",
    "array": "jobs are numbered by the study; `parallel` says how many run at a time",
    "dependency": "the study orders its jobs itself",
    "output": "logs go to .scratch/studies/NAME",
    "error": "logs go to .scratch/studies/NAME",
}


def _minutes(text: str) -> int:
    """Whole minutes, rounded up, of `[days-]hours[:minutes[:seconds]]`; 0 where it is not that."""
    found = _TIME.fullmatch(text)
    if not found or (found[1] is None and found[3] is None):
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes + (seconds > 0)
