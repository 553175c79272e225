"""What a trial of the campaign came to, kept in a file so that a run can go on, and their table."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["survived", "lost", "wrong", "not run"]
HEADING = """\
| kind | tried | survived | lost | wrong |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Trial:
    """One kill, fault, file or cloud.

    Survived: it ends as it would have without, or is refused in words. Lost: no rerun brings it
    back, or it ends in a traceback. Wrong: another result, in silence.
    """

    kind: str
    number: int
    outcome: Outcome
    told: str = ""


class Log:
    """The trials of one seed, a line of JSON each."""

    def __init__(self, file: Path, seed: int, resume: bool) -> None:
        self.file = file
        heading = json.dumps({"seed": seed})
        lines = file.read_text().splitlines() if resume and file.exists() else []
        if lines and lines[0] != heading:
            raise ValueError(f"--resume: {file} has trials of another seed, {lines[0]}")
        self.trials = [Trial(**json.loads(line)) for line in lines[1:]]
        if not lines:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(heading + "\n")

    def missing(self, kind: str, number: int) -> list[int]:
        """Which trials of a kind, of `number` in all, are not there yet."""
        there = {trial.number for trial in self.trials if trial.kind == kind}
        return [n for n in range(number) if n not in there]

    def add(self, trials: Iterable[Trial]) -> Iterator[Trial]:
        """The trials, each written down as it ends."""
        for trial in trials:
            self.trials.append(trial)
            with self.file.open("a") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
            yield trial


def table(trials: Sequence[Trial], reasons: dict[str, str]) -> str:
    """A row for each kind, in order, and one for all, in Markdown.

    A kind that was not tried has the reason in its place.
    """
    rows = []
    for kind in dict.fromkeys([*(trial.kind for trial in trials), *reasons]):
        found = Counter(trial.outcome for trial in trials if trial.kind == kind)
        rows.append(_row(kind, found) if found else f"| {kind} | none: {reasons[kind]} | | | |")
    rows.append(_row("**all**", Counter(trial.outcome for trial in trials)))
    return HEADING + "\n".join(rows) + "\n"


def _row(kind: str, found: Counter[Outcome]) -> str:
    tried = sum(found.values()) - found["not run"]
    counts = (tried, found["survived"], found["lost"], found["wrong"])
    missing = f" ({found['not run']} not run here)" if found["not run"] else ""
    return f"| {kind}{missing} | {' | '.join(f'{count:,}' for count in counts)} |"
