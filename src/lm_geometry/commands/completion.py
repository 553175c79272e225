"""What a shell offers when TAB is pressed: the names that there are in this clone."""

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator

import click

_REMOTE = re.compile(r"^\['remote \"(.+)\"'\]", re.MULTILINE)

Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def offered(names: Callable[[], Iterable[str]]) -> Offer:
    """Those of `names` that begin with what was typed; none where they cannot be read."""

    def offer(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
        try:
            from ruamel.yaml import YAMLError
        except ModuleNotFoundError:  # the core alone, which has no clone to read names in
            return []
        try:
            return [name for name in names() if name.startswith(typed)]
        except (OSError, YAMLError):  # a traceback in the middle of a line helps nobody
            return []

    return offer


def studies() -> list[str]:
    """Names of studies/*.yaml."""
    from lm_geometry.studies.definition import study_names

    return study_names()


def results() -> list[str]:
    """Studies that have results."""
    from lm_geometry.studies.definition import RESULTS

    return sorted(path.name for path in RESULTS.iterdir() if path.is_dir())


def parameters() -> Iterator[str]:
    """Dotted names of params.yaml."""
    from lm_geometry.workspace.section import ROOT, read_yaml

    waiting = list(read_yaml(ROOT / "params.yaml").items())
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting[:0] = [(f"{name}.{inner}", one) for inner, one in value.items()]
        else:
            yield name


def corpora() -> list[str]:
    """Aliases of catalogue/corpora.yaml."""
    from lm_geometry.workspace.section import ROOT, read_yaml

    return list(read_yaml(ROOT / "catalogue" / "corpora.yaml"))


def stages_and_outs() -> Iterator[str]:
    """Stages of dvc.yaml, each before its outs."""
    from lm_geometry.workspace.section import ROOT, read_yaml

    for name, stage in read_yaml(ROOT / "dvc.yaml")["stages"].items():
        yield name
        yield from (out if isinstance(out, str) else next(iter(out)) for out in stage["outs"])


def remotes() -> list[str]:
    """Remotes of .dvc/config and .dvc/config.local; asking DVC would take seconds."""
    from lm_geometry.workspace.section import ROOT

    files = (ROOT / ".dvc").glob("config*")
    return [name for file in files for name in _REMOTE.findall(file.read_text(encoding="utf-8"))]


def revisions() -> list[str]:
    """Experiments, then branches."""
    references = _printed("git", "for-each-ref", "--format=%(refname)", "refs/exps", "refs/heads")
    experiments = [name.split("/")[-1] for name in references if name.count("/") == 4]
    branches = [name.removeprefix("refs/heads/") for name in references if "/heads/" in name]
    return ["workspace", *experiments, *branches]


def _printed(*words: str) -> list[str]:
    from lm_geometry.workspace.section import ROOT

    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines()
