"""The real stages on several processes: the bytes of one process that knows no shards."""

from pathlib import Path

import pytest

from tests.conftest import TinyModel
from tests.executors.stage_project import CHANGES, StageProject, prepared

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


def test_without_a_setting_clouds_are_estimated_side_by_side(
    project: Path, tiny_models: dict[str, TinyModel]
) -> None:
    changes = {  # 12 clouds, of which half have fewer points than a neighbourhood
        "token_sample": CHANGES["token_sample"] | {"seeds": [0, 1, 2]},
        "estimate": CHANGES["estimate"] | {"n_neighbors": [190]},
    }
    stages = prepared(project, tiny_models["llama"], changes=CHANGES | changes)
    of_worker, of_hash = "number = int(os.environ[WORKER])", "found = path_hash(path)"
    told = f"print('a worker', os.getpid()); {of_worker}"
    stages.edit("src/lm_geometry/experiments/executors/worker.py", of_worker, told)
    told = f"print('read through:', path.name); {of_hash}"
    stages.edit("src/lm_geometry/workspace/inputs.py", of_hash, told)
    for stage in ("embed", "token-sample"):
        stages.run(stage)
    printed, found = {}, {}
    stages.environment["OMP_NUM_THREADS"] = "2"
    for name, settings in (("alone", {"workers": 1}), ("beside", {})):
        stages.forget("estimate")
        printed[name] = stages.run("estimate", threads=2, **settings).splitlines()
        found[name] = stages.bytes("estimate")
    assert found["alone"] == found["beside"]
    workers = [line for line in printed["beside"] if line.startswith("a worker")]
    assert len(workers) == 2
    read = [line for line in printed["beside"] if line.startswith("read through")]
    assert len(read) == len({*read})  # what has gigabytes is read by one process
    of_clouds = {line for line in printed["alone"] if "undefined" in line}
    assert of_clouds
    assert of_clouds <= {*printed["beside"]}  # said by workers, whose logs are gone
