"""Loads the libraries, then forks for each command that a client asks for.

`python server.py FOLDER [LIBRARY]...` listens on FOLDER/server, and ends when its input does. None
of this project's own code is loaded before the fork: a command has that of its own clone.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

LIBRARIES = [
    "numpy",
    "scipy.stats",
    "scipy.spatial",
    "scipy.optimize",
    "numba",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "sklearn.cluster",
    "sklearn.linear_model",
    "altair",
    "pydantic",
    "pydantic_settings",
    "ruamel.yaml",
    "yaml",
    "click",
    "tqdm",
    "psutil",
    "jinja2",
    "dotenv",
    "torch",
    "torch.utils.data",
    "datasets",
    "accelerate",
    "peft",
    "tokenizers",
    "safetensors.torch",
    "transformers",
    "transformers.models.auto",
    "transformers.models.llama.modeling_llama",
    "transformers.trainer",
    "dvc.cli",
    "dvc.repo",
    "dvc.commands.repro",
    "dvc.commands.data_sync",
    "dvc.commands.checkout",
    "dvc.commands.add",
    "dvc.commands.experiments.run",
    "dvc.repo.reproduce",
    "dvc.repo.push",
    "dvc.repo.pull",
    "dvc.repo.experiments",
    "dvc.repo.experiments.queue.celery",
    "dvc.stage.run",
    "dvc.stage.serialize",
    "dvc_data.index",
    "dvc_data.hashfile",
]


def main() -> None:
    """Serve until the input ends."""
    place = Path(sys.argv[1])
    for library in (*LIBRARIES, *sys.argv[2:]):
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # or a fork's collector would write to every page that it shares
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(place / "server"))
    listening.listen(16)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # its forks are nobody's to wait for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        found, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in found:
            return
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(connection)
        connection.close()


def _attend(connection: socket.socket) -> None:
    """Fork once more for the command, tell its number and status, and end it with the client."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    asked = json.loads(connection.makefile("r").readline())
    process = os.fork()
    if process == 0:
        connection.close()
        _run(asked, files)
    for file in files:
        os.close(file)
    connection.sendall(b"%d\n" % process)
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            with suppress(OSError):
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        if select.select([connection], [], [], 0.005)[0]:  # its end: the client was killed
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os._exit(0)


def _run(asked: dict[str, Any], files: list[int]) -> None:
    """The command, in this process, which ends with it."""
    try:
        os.setpgid(0, os.getpgid(asked["process"]))
    except OSError:  # the client is of another session, or gone
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    for stream, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, os.fdopen(stream, "r" if stream == 0 else "w", closefd=False))
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.executable = str(Path(asked["program"]).with_name("python"))
    sys.path[:0] = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    os._exit(_status(asked["words"]))


def _status(words: list[str]) -> int:
    try:
        _execute(words)
        status = 0
    except SystemExit as ended:
        status = _code(ended.code)
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    with suppress(BaseException):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def _code(told: object) -> int:
    if told is None or isinstance(told, int):
        return (told or 0) & 255
    print(told, file=sys.stderr)
    return 1


def _execute(words: list[str]) -> None:
    while words[0] in ("-u", "-B", "-I"):
        words = words[1:]
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        if words[0].endswith("estimate.py"):
            _kernels_are_chosen(Path(words[0]).resolve().parents[1] / "src")
        runpy.run_path(words[0], run_name="__main__")


def _kernels_are_chosen(source: Path) -> None:
    """NumPy is loaded in every fork, with the kernels that the server was started with."""
    sys.path.insert(0, str(source))
    chosen = importlib.import_module("lm_geometry.estimate.same_kernels")
    chosen.sys = SimpleNamespace(modules={})


if __name__ == "__main__":
    main()
