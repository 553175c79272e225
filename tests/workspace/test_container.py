"""Limits of containers, jobs and services, in the files by which Linux tells them."""

from pathlib import Path

import pytest

from lm_geometry.workspace import container

GIB = 2**30


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(container, "MOUNTED", tmp_path / "cgroup")
    monkeypatch.setattr(container, "OWN", tmp_path / "own")
    return tmp_path


def told(folder: Path, own: str, groups: dict[str, dict[str, object]]) -> None:
    """The line of a process's groups, and the files of each group."""
    (folder / "own").write_text(own)
    for place, files in groups.items():
        (folder / "cgroup" / place).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / "cgroup" / place / name).write_text(f"{content}\n")


def group(limit: object, used: int, cached: int = 0, cpu: str = "max 100000") -> dict[str, object]:
    stat = f"anon {used - cached}\ninactive_file {cached}"
    return {"memory.max": limit, "memory.current": used, "memory.stat": stat, "cpu.max": cpu}


def test_without_groups_nothing_is_limited(mounted: Path) -> None:
    assert (container.memory_left(), container.processors_left()) == (None, None)
    told(mounted, "0::/\n", {"": group("max", 5 * GIB)})
    assert (container.memory_left(), container.processors_left()) == (None, None)


def test_a_container_has_what_its_limit_leaves_and_caches_give_way(mounted: Path) -> None:
    told(mounted, "0::/\n", {"": group(4 * GIB, 3 * GIB, cached=2 * GIB, cpu="150000 100000")})
    assert container.memory_left() == 3 * GIB
    assert container.processors_left() == 1.5
    told(mounted, "0::/\n", {"": group(4 * GIB, 5 * GIB)})  # it is about to be ended
    assert container.memory_left() == 0


def test_the_limit_of_a_job_counts_wherever_it_stands_above_the_process(mounted: Path) -> None:
    groups = {
        "slurm/job_7/step_0": group("max", GIB),
        "slurm/job_7": group(2 * GIB, GIB, cpu="200000 100000"),
        "slurm": group(64 * GIB, 40 * GIB, cpu="3200000 100000"),
    }
    told(mounted, "0::/slurm/job_7/step_0\n", groups)
    assert container.memory_left() == GIB
    assert container.processors_left() == 2


def test_groups_of_the_first_version_are_read_as_well(mounted: Path) -> None:
    old = {
        "memory/job": {
            "memory.limit_in_bytes": 6 * GIB,
            "memory.usage_in_bytes": 5 * GIB,
            "memory.stat": f"cache {3 * GIB}\ntotal_inactive_file {2 * GIB}",
        },
        "memory": {
            "memory.limit_in_bytes": 2**63 - 4096,
            "memory.usage_in_bytes": 9 * GIB,
            "memory.stat": "total_inactive_file 0",
        },
        "cpu/job": {"cpu.cfs_quota_us": 400_000, "cpu.cfs_period_us": 100_000},
        "cpu": {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 100_000},
    }
    told(mounted, "4:memory:/job\n1:cpu,cpuacct:/job\n0::/\n", old)
    assert container.memory_left() == 3 * GIB
    assert container.processors_left() == 4
