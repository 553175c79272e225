"""slurm.yaml: what it may say, and the example of the documentation."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lm_geometry.experiments.slurm.settings import SlurmSettings, read_settings
from tests.structure import ROOT

LEAST = {"time": "1:00", "memory": "1GB"}


def read(folder: Path, **fields: Any) -> SlurmSettings:
    with (folder / "slurm.yaml").open("w") as file:
        given = (LEAST | fields).items()
        YAML().dump({key: value for key, value in given if value is not None}, file)
    return read_settings(folder / "slurm.yaml")


def test_the_example_of_the_documentation_is_all_there_is(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "studies-on-clusters.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert len(example) == 1
    (tmp_path / "slurm.yaml").write_text(example[0])
    settings = read_settings(tmp_path / "slurm.yaml")
    assert set(SlurmSettings.model_fields) - settings.model_fields_set == {"cluster"}
    assert settings.minutes == 240
    defaults = SlurmSettings.model_validate(LEAST)
    for name, told in re.findall(r"^(\w+):.*\(default (\w+)\)$", example[0], flags=re.MULTILINE):
        assert str(getattr(defaults, name)) == told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gpu": 1}, r"slurm.yaml: gpu: unknown parameter; did you mean 'gpus'\?"),
        ({"time": None}, "slurm.yaml: time: is missing"),
        ({"time": "90"}, "time: '90' is not valid: hours:minutes, hours:minutes:seconds or days-"),
        ({"time": "0:00"}, "time: '0:00' is not valid"),
        ({"memory": "32"}, "memory: '32' is not valid"),
        ({"cpus": 0}, "cpus: 0 is not valid"),
        ({"parallel": "8"}, "parallel: '8' is not valid"),
        ({"cluster": "slrm"}, "cluster: 'slrm' is not valid"),
        ({"sbatch": {"--qos": "long"}}, "--qos: write an option of sbatch in full, without dashes"),
        ({"sbatch": {"mem": "1G"}}, "mem: use `memory`"),
        ({"sbatch": {"array": "0-9"}}, "array: jobs are numbered by the study; `parallel`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, **fields)


def test_a_missing_file_names_the_example(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"slurm.yaml is missing.*docs/studies-on-clusters.md"):
        read_settings(tmp_path / "slurm.yaml")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("0:30", 30), ("4:00:00", 240), ("0:00:01", 1), ("2-0", 2880), ("1-2:03:04", 1564)],
)
def test_times_are_as_slurm_reads_them(tmp_path: Path, text: str, minutes: int) -> None:
    assert read(tmp_path, time=text).minutes == minutes


def test_what_a_job_asks_for_is_told_in_a_line(tmp_path: Path) -> None:
    settings = read(tmp_path, partition="gpu", gpus=2, cpus=8, sbatch={"qos": "long"})
    assert settings.told() == "partition gpu, time 1:00, 2 GPUs, 8 CPUs, 1GB, qos long"
