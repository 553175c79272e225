"""A shell that lines are typed into, one after the other, as on a first day."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ENDED = "=== ended with"


@dataclass(frozen=True)
class Answer:
    """What a line printed, streams together, and how it ended."""

    line: str
    status: int
    printed: str
    seconds: float
    silence: float  # the longest time in which nothing was printed, in seconds

    def told(self, last: int = 3) -> str:
        """The line, its time and the last lines that it printed, for a transcript."""
        shown = [text for text in self.printed.splitlines() if text.strip()][-last:]
        times = f"{self.seconds:.0f} s, silent for {self.silence:.0f} s at most"
        head = f"$ {self.line}\n[{times}, exit status {self.status}]"
        return "\n".join([head, *(text[:160] for text in shown)])


class Shell:
    """One bash in a folder: what a line leaves (activation, a folder, a variable) the next has."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def typed(self, line: str) -> Answer:
        """The answer to a line, which may be continued over others by backslashes."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        begun = heard = time.monotonic()
        self.bash.stdin.write(f"{{ {line}\n}} < /dev/null\nended=$?; echo; echo '{ENDED}' $ended\n")
        self.bash.stdin.flush()
        printed: list[str] = []
        silence = 0.0
        for text in self.bash.stdout:
            now = time.monotonic()
            silence, heard = max(silence, now - heard), now
            if text.startswith(ENDED):
                status = int(text.removeprefix(ENDED))
                return Answer(line, status, "".join(printed), now - begun, silence)
            printed.append(text)
        raise AssertionError(f"the shell ended at {line}: {''.join(printed)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.bash.stdin is not None
        self.bash.stdin.close()
        self.bash.wait(timeout=60)
        if self.bash.stdout is not None:
            self.bash.stdout.close()
