"""A training run tells how far it is, where there is no terminal, and is never silent for long."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.finetune import told_steps
from lm_geometry.finetune.fine_tuning import finetune
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.scored_trainer import ScoredTrainer
from lm_geometry.workspace import progress
from tests.conftest import TEXTS, TinyModel

A_STEP, A_SCORING = 4.0, 12.0  # seconds by the clock of the test


class Heard(io.StringIO):
    """Notes when each line was printed."""

    def __init__(self, now: list[float]) -> None:
        super().__init__()
        self.now, self.lines = now, list[tuple[float, str]]()

    def write(self, text: str) -> int:
        if text.strip():
            self.lines.append((self.now[0], text.strip()))
        return len(text)


def test_no_silence_is_longer_than_ten_seconds_and_a_step(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress, "LOOKED", 3600.0)  # what is heard is told by the loops alone
    on_step_end, answers = told_steps.ToldSteps.on_step_end, ScoredTrainer._scores

    def step(self: Any, *given: Any, **named: Any) -> None:
        now[0] += A_STEP
        on_step_end(self, *given, **named)

    def scores(self: Any, *given: Any) -> dict[str, float]:
        now[0] += A_SCORING / 10  # of all the resamplings that an error takes, too
        return answers(self, *given)

    monkeypatch.setattr(told_steps.ToldSteps, "on_step_end", step)
    monkeypatch.setattr(ScoredTrainer, "_scores", scores)
    heard = Heard(now)
    monkeypatch.setattr(sys, "stderr", heard)
    settings = Finetune.model_validate(
        {"steps": 12, "checkpoints": [12], "batch_size": 2, "block_tokens": 16, "warmup_steps": 1}
        | {"evaluation_sequences": 4, "lora": {"rank": 2, "alpha": 4}}
    )
    columns: Any = {"text": TEXTS}
    finetune(tiny_models["gpt2"].source, settings, columns, columns, tmp_path)
    times = [time for time, text in heard.lines if " of 12 in " in text]
    assert len(times) >= 3
    gaps = [later - earlier for earlier, later in zip([0.0, *times], [*times, now[0]], strict=True)]
    assert max(gaps) <= progress.SECONDS + A_STEP + A_SCORING
    last = heard.lines[-1][1]
    assert last.startswith("fine-tuning, steps: ")
    assert "a second, " in last
    assert last.endswith(" s left")
