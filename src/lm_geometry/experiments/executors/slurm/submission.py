"""Jobs submitted to Slurm, or begun as processes of this machine, both by submitit."""

import importlib.util
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lm_geometry.experiments.executors.living import lives
from lm_geometry.experiments.executors.slurm.settings import SlurmSettings
from lm_geometry.workspace.files import private_folder

if TYPE_CHECKING:
    import submitit

Option = str | int | list[str] | dict[str, str | int | bool]
SIGNAL_SECONDS = 90  # before the time limit, a job is told, so that it can go on in a new one


def require(kind: str) -> None:
    """Raises ValueError where submitit, or what submits to Slurm, is not here."""
    if importlib.util.find_spec("submitit") is None:
        raise ValueError("jobs need submitit: pip install -r requirements/slurm.txt")
    for command in ("sbatch", "srun", "squeue") if kind == "slurm" else ():
        if not shutil.which(command):
            raise ValueError(
                f"{command} is not on the path: jobs are submitted from a login node of a Slurm "
                "cluster; `cluster: local` in the file tries it without"
            )


def asked(settings: SlurmSettings, name: str, setup: Sequence[str] = ()) -> dict[str, Option]:
    """The options of `submit` that the settings stand for, on their cluster."""
    lines = [*setup, *settings.setup]
    if settings.cluster == "local":
        return {"local_setup": lines} if lines else {}
    own: dict[str, Option] = {
        "name": name,
        "slurm_partition": settings.partition,
        "slurm_account": settings.account,
        "slurm_mem": settings.memory,
        "slurm_array_parallelism": settings.parallel,
        "slurm_signal_delay_s": min(SIGNAL_SECONDS, 15 * settings.minutes),
        "slurm_setup": lines,
        "slurm_additional_parameters": {
            option: v for option, v in settings.sbatch.items() if v is not False
        },
    }
    return {key: value for key, value in own.items() if value}


class Submission:
    """submitit's executor, with the jobs that it started and the streams that they inherit."""

    def __init__(self, settings: SlurmSettings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.kind = settings.cluster
        self._started: dict[str, submitit.Job[Any]] = {}

    def submit(
        self, jobs: Sequence[Callable[[], object]], options: Mapping[str, Option]
    ) -> list[str]:
        """The id of each job; raises ValueError with what the cluster says against them.

        Of several, an array.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        executor = self._made()
        executor.update_parameters(**options)
        try:
            with executor.batch() if len(jobs) > 1 else nullcontext():
                made = [executor.submit(job) for job in jobs]
        except (FailedJobError, FailedSubmissionError) as error:
            raise ValueError(f"sbatch refused the jobs: {error}") from None
        self._started |= {one.job_id: one for one in made}
        return [one.job_id for one in made]

    def lives(self, job: str) -> bool:
        """Whether the process of a job of this machine is there, be it of another call."""
        own = self._started.get(job)
        return lives(int(job)) if own is None else not own.done()

    def end(self, job: str) -> None:
        """End a job of this machine, with what it started."""
        if self.lives(job):
            own = psutil.Process(int(job))
            for process in [own, *own.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.terminate()

    @contextmanager
    def streams_in_a_file(self) -> Iterator[None]:
        """Processes begun inside write to a file: they outlive this one, and would hold a pipe."""
        private_folder(self.folder)
        kept = [os.dup(stream) for stream in (1, 2)]
        with (self.folder / "started.log").open("ab") as file:
            try:
                for stream in (1, 2):
                    os.dup2(file.fileno(), stream)
                yield
            finally:
                for stream, own in zip((1, 2), kept, strict=True):
                    os.dup2(own, stream)
                    os.close(own)

    def _made(self) -> "submitit.AutoExecutor":
        import submitit

        private_folder(self.folder)  # a job runs what it finds there
        logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns where sacct is not kept
        restarts = {f"{self.kind}_max_num_timeout": self.settings.restarts}
        executor = submitit.AutoExecutor(folder=self.folder, cluster=self.kind, **restarts)
        asked = {"timeout_min": self.settings.minutes, "cpus_per_task": self.settings.cpus}
        if self.settings.gpus:
            asked["gpus_per_node"] = self.settings.gpus
        executor.update_parameters(**asked)
        return executor
