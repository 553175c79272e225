"""DVC's own push and pull, whatever an earlier kill left.

DVC notes on disk what it is about to transfer. A transfer that is killed while it notes leaves a
part, which the next one takes for the whole: a push then sends that, and the listings of folders,
by which every later push takes all of their files for sent.
"""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dvc.repo import Repo


def transfer(
    repo: "Repo",
    way: Literal["push", "pull"],
    remote: str | None,
    targets: list[str],
    jobs: int | None,
) -> int:
    """Exit status of `dvc push` or `dvc pull`, with the notes made anew."""
    from dvc.cli import main

    repo.drop_data_index()
    options = ["--remote", remote] if remote else []
    options += ["--jobs", str(jobs)] if jobs else []
    return main(["--cd", repo.root_dir, way, *options, *targets])
