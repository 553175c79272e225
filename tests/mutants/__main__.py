"""`make mutants`: cosmic-ray changes one place of a module, and the tests of its room are run.

A seeded draw of the changes, in a copy of the working tree. numba's loops are changed like all
else, and compiled again. The tests run as forks of a process that holds the libraries, and a room
whose tests do not pass without a change is refused.
"""

# pyright: reportMissingImports=false
# cosmic-ray is installed by `make mutants` alone.

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cosmic_ray.modules
import cosmic_ray.plugins
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome

from lm_geometry.workspace.section import ROOT
from tests.campaign.forking.commands import forked_commands

SETTINGS = Path(__file__).with_name("rooms.toml")
QUIETLY = "-p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"  # of what forks hold


@dataclass(frozen=True)
class Mutant:
    """One change, and whether a test noticed it."""

    room: str
    module: str
    change: str
    noticed: bool


def main() -> None:
    """Print each change that no test notices, and a table; raises SystemExit below 90 %."""
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    rooms = {room["name"]: room for room in settings["room"]}
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(rooms), default=list(rooms))
    parser.add_argument("--mutants", type=int, default=settings["mutants"], help="of each room")
    parser.add_argument("--seed", type=int, default=settings["seed"])
    asked = parser.parse_args()
    found: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copied(Path(folder) / "tree")
        with forked_commands(Path(folder) / "forks", more=("pytest", "hypothesis")) as programs:
            for name in asked.only:
                drawn = settings | {"mutants": asked.mutants, "seed": asked.seed}
                found += tried(rooms[name], drawn, tree, programs)
    print(table(found))
    if sum(one.noticed for one in found) < 0.9 * len(found):
        raise SystemExit("less than 90 % were noticed")


def copied(folder: Path) -> Path:
    """The working tree without what git ignores."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def tried(
    room: dict[str, Any], settings: dict[str, Any], tree: Path, programs: dict[str, str]
) -> Iterator[Mutant]:
    """The mutants of a room, each with its tests run."""
    names = " ".join(room["tests"])
    command = f"env -C {tree} {_assigned(programs, tree)} python -m pytest -x -q {QUIETLY} {names}"
    outcome, printed = run_tests(command, settings["seconds"])
    if outcome is not TestOutcome.SURVIVED:
        raise SystemExit(f"{room['name']}: its tests do not pass as they are\n{printed}")
    for mutation in drawn(room, settings, tree):
        result = mutate_and_test([mutation], command, settings["seconds"])
        change = _shortened(result.diff or result.output or "")
        noticed = result.test_outcome is not TestOutcome.SURVIVED
        module = str(mutation.module_path.relative_to(tree))
        if not noticed:
            print(f"not noticed: {module}\n{change}\n", flush=True)
        yield Mutant(room["name"], module, change, noticed)


def drawn(room: dict[str, Any], settings: dict[str, Any], tree: Path) -> list[Any]:
    """The changes of a room that are tried: places in its modules, and one change of each."""
    paths = cosmic_ray.modules.find_modules([tree / module for module in room["modules"]])
    modules = sorted(path for path in paths if path.name != "__init__.py")
    session = tree.parent / "session.sqlite"
    session.unlink(missing_ok=True)
    with use_db(str(session), WorkDB.Mode.create) as database:
        init(modules, database, {})
        every = [mutation for item in database.work_items for mutation in item.mutations]
    out = settings["left_out"]
    kept = [one for one in every if not any(re.search(word, one.operator_name) for word in out)]
    places: dict[Any, list[Any]] = {}  # a sum has ten other operators, a number one
    for one in sorted(kept, key=lambda one: (one.operator_name, one.occurrence)):
        places.setdefault((str(one.module_path), one.start_pos), []).append(one)
    chance = random.Random(settings["seed"])
    chosen = chance.sample(sorted(places), min(settings["mutants"], len(places)))
    return [chance.choice(places[place]) for place in chosen]


def _assigned(programs: dict[str, str], tree: Path) -> str:
    """The variables by which a test command finds the forks and the code of the tree."""
    own = {"PATH": programs["PATH"], "PYTHONPATH": f"{tree / 'src'}:{tree}"}
    own["PYTHONDONTWRITEBYTECODE"] = "1"  # or a change of one second might go unseen
    return " ".join(f"{name}={value}" for name, value in own.items())


def _shortened(diff: str) -> str:
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in _HEADS]
    return "\n".join(lines[:8])


_HEADS = ("+++", "---")


def table(found: list[Mutant]) -> str:
    """A row for each room, and one for all, in Markdown."""
    rows = ["| room | changes tried | noticed | share |", "|---|---|---|---|"]
    tried_in, noticed = Counter[str](), Counter[str]()
    for one in found:
        for room in (one.room, "**all**"):
            tried_in[room] += 1
            noticed[room] += one.noticed
    names = [*dict.fromkeys(one.room for one in found), "**all**"]
    for name in names:
        share = f"{noticed[name] / max(1, tried_in[name]):.0%}"
        rows.append(f"| {name} | {tried_in[name]} | {noticed[name]} | {share} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
