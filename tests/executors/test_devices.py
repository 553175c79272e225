"""How many workers a machine without a setting has."""

from types import SimpleNamespace
from typing import Any

import pytest

from lm_geometry.experiments.executors import devices

CLOUD = 1_000_000_000  # bytes


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cores", lambda: 8)
    monkeypatch.setattr(devices, "free_memory", lambda: 100 * CLOUD)
    monkeypatch.setattr(devices, "machine", lambda: SimpleNamespace(workers=0, device="cpu"))


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
def test_no_more_workers_than_fit_into_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    each = CLOUD + devices.LIBRARIES
    for free, workers in ((0, 1), (each, 1), (3 * each - 1, 2), (3 * each, 3)):
        monkeypatch.setattr(devices, "free_memory", lambda free=free: free)
        assert devices.side_by_side(100, [1, CLOUD]) == workers


def test_a_container_has_what_its_limit_leaves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(devices, "CONTAINER", tmp_path)
    without = devices.free_memory()
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert devices.free_memory() > 1000 < without  # no limit
    (tmp_path / "memory.max").write_text("1000\n")
    assert devices.free_memory() == 600
    (tmp_path / "memory.current").write_text("1200\n")  # caches count, and go where they must
    assert devices.free_memory() == 0
