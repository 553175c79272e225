"""How many workers a machine without a setting has."""

from types import SimpleNamespace
from typing import Any

import pytest

from lm_geometry.experiments.executors import devices

CLOUD = 1_000_000_000  # bytes


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    chosen = SimpleNamespace(workers=0, device="cpu", jobs=1, threads=0)
    monkeypatch.setattr(devices, "cores", lambda: 8)
    monkeypatch.setattr(devices, "loop_threads", lambda: 8)
    monkeypatch.setattr(devices, "free_memory", lambda: 100 * CLOUD)
    monkeypatch.setattr(devices, "machine", lambda: chosen)
    return chosen


def work(memory: int) -> Any:
    return SimpleNamespace(gpus="none", memory_on_a_core=memory)


@pytest.mark.usefixtures("eight_cores")
def test_cells_of_one_core_are_computed_on_all_and_others_one_after_another() -> None:
    alone = devices.workers([work(CLOUD), work(1)], cells=100)
    assert [one["LM_GEOMETRY_THREADS"] for one in alone] == ["1"] * 8
    together = devices.workers([work(CLOUD), work(0)], cells=100)
    assert [one["LM_GEOMETRY_THREADS"] for one in together] == ["8"]


@pytest.mark.usefixtures("eight_cores")
def test_few_cells_are_not_worth_a_process_each() -> None:
    assert [devices.side_by_side(cells, [CLOUD]) for cells in (0, 1, 7, 8, 24)] == [1, 1, 1, 2, 6]


@pytest.mark.usefixtures("eight_cores")
def test_workers_fit_into_half_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    each = 2 * (CLOUD + devices.LIBRARIES)
    for free, workers in ((0, 1), (each, 1), (3 * each - 2, 2), (3 * each, 3)):
        monkeypatch.setattr(devices, "free_memory", lambda free=free: free)
        assert devices.side_by_side(100, [1, CLOUD]) == workers


def test_experiments_at_a_time_share_the_cores(eight_cores: SimpleNamespace) -> None:
    eight_cores.jobs = 3
    assert devices.side_by_side(100, [CLOUD]) == 2


def test_threads_that_were_asked_for_are_all_that_workers_share(
    eight_cores: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "loop_threads", lambda: 2)  # OMP_NUM_THREADS=2
    found = devices.workers([work(CLOUD)], cells=100)
    assert [one["LM_GEOMETRY_THREADS"] for one in found] == ["1", "1"]
    eight_cores.threads = 8  # said of this project alone
    assert len(devices.workers([work(CLOUD)], cells=100)) == 8
