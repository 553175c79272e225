"""Cells as tasks of a Ray cluster of two nodes on this machine, one of which is removed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.executors.toy_stage import ToyStage, toy_stage

pytestmark = pytest.mark.ray
PATIENCE = {  # a busy machine takes minutes for what Ray gives seconds
    "RAY_raylet_start_wait_time_s": "900",
    "RAY_agent_register_timeout_ms": "900000",
    "RAY_worker_register_timeout_seconds": "900",
    "RAY_gcs_server_request_timeout_seconds": "600",
}
os.environ.update({name: value for name, value in PATIENCE.items() if name not in os.environ})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head of one core, and a node of one."""
    utilities = pytest.importorskip(
        "ray.cluster_utils", reason="requirements/ray.txt is not installed"
    )
    made = utilities.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture
def toy(tmp_path: Path) -> ToyStage:
    return toy_stage(tmp_path, cells=16, seconds=0.5)


def test_a_node_that_is_lost_costs_one_cell_at_most(cluster: Any, toy: ToyStage) -> None:
    toy.run()
    expected = toy.bytes()
    toy.forget()
    process = toy.start(executor="ray", ray=cluster.address, threads=1)
    while sum(toy.begun().values()) < 4:
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.05)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    printed, _ = process.communicate(timeout=900)
    assert process.returncode == 0, printed
    assert toy.bytes() == expected
    assert sum(toy.begun().values()) <= len(expected) + 1
    assert len(toy.workers()) >= 2
    toy.forget()
    (toy.beside / "fail-a-003").touch()
    printed = toy.run(fails=True, executor="ray", ray=cluster.address, threads=1)
    assert "  a/003: ValueError: a/003 brings no luck" in printed
