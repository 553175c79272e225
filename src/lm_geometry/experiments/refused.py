"""Values of `dvc exp run -S` that were refused, taken out of params.yaml again.

DVC writes them there before any stage can look at them, and leaves them there.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from lm_geometry.experiments.committed import FILE
from lm_geometry.revisions.programs import git
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.machine import project_of
from lm_geometry.workspace.section import ROOT

COMMANDS = ("exp", "experiments")


def put_back(words: Sequence[str], root: Path = ROOT) -> str:
    """Set params.yaml back to the last commit where it has nothing but these overrides beside it.

    `words` are what `-S` had. What the file has otherwise, be it a comment, is its owner's: then
    nothing is written. Returns what is to be said of it; nothing without overrides, and in the copy
    of a queued experiment, which nobody goes on with.
    """
    if not words or project_of(root) != root:
        return ""
    committed = git(root, "show", f"HEAD:./{FILE}")
    names = ", ".join(word.partition("=")[0] for word in words)
    if _overridden(committed, words) != (root / FILE).read_bytes():
        return (
            f"{FILE} keeps what -S set ({names}), as it has other changes that are not committed: "
            f"take it out there, or `git checkout {FILE}` drops them all"
        )
    with whole_file(root / FILE) as temporary:
        temporary.write_text(committed, encoding="utf-8")
    git(root, "reset", "--quiet", "--", FILE)  # DVC adds the file to git's index
    return f"{FILE} is again as committed, without what -S set ({names})"


def typed() -> list[str]:
    """The `-S` of the `dvc exp run` that this process is a stage of, if it is."""
    for line in _command_lines():
        for place, word in enumerate(line[:-1]):
            if word in COMMANDS and line[place + 1] == "run":
                return _overrides(line[place:])
    return []


def _command_lines() -> Iterator[list[str]]:
    try:
        for process in psutil.Process().parents():
            yield process.cmdline()
    except psutil.Error:  # ended meanwhile, or another user's
        return


def _overrides(words: list[str]) -> list[str]:
    """Those of params.yaml; DVC knows its own options."""
    from dvc.cli.parser import get_main_parser
    from dvc.utils.cli_parse import to_path_overrides

    found = get_main_parser().parse_args(words).set_param
    return to_path_overrides(found or []).get(FILE, [])


def _overridden(text: str, words: Sequence[str]) -> bytes:
    """The file as DVC writes it with these overrides; nothing where it does not take them."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_text(text, encoding="utf-8")
        try:
            apply_overrides(file, list(words))
        except DvcException:
            return b""
        return file.read_bytes()
