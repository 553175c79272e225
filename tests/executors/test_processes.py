"""The real stages on several processes: the bytes of one process that knows no shards."""

from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.executors.stage_project import StageProject, prepared

pytestmark = pytest.mark.slow


@pytest.fixture
def stages(project: Path, tiny_models: dict[str, TinyModel]) -> StageProject:
    """A project whose larger corpus has several shards, before its first stage."""
    return prepared(project, tiny_models["llama"])


def test_two_processes_give_the_bytes_of_one(stages: StageProject) -> None:
    found: dict[int, dict[str, bytes]] = {}
    for workers in (1, 2):
        stages.forget("embed")
        stages.forget("estimate", scratch=False)
        for stage in ("embed", "token-sample", "estimate"):
            stages.run(stage, workers=workers, threads=workers)
        found[workers] = stages.bytes("embed") | stages.bytes("estimate")
    assert found[1] == found[2]
