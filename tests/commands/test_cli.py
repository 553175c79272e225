"""The command line: what it prints, and what it says to a mistake."""

import io
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.aggregate.tables import COLUMNS, read_aggregated
from lm_geometry.commands import table as table_command
from lm_geometry.commands.cli import main
from lm_geometry.workspace.section import read_yaml
from lm_geometry.workspace.tables import write_table
from tests.structure import ROOT


def write_tables(folder: Path) -> None:
    cells = [
        ("a", "base", 4, 10.0),
        ("a", "base", 12, 12.25),
        ("a", "10", 4, 9.0),
        ("b", "base", 4, 11.0),
        ("b", "10", 12, np.nan),
    ]
    columns = ["corpus", "checkpoint", "layer", "mean"]
    means = pd.DataFrame(cells, columns=columns).assign(split="test", estimator="twonn")
    means["n_neighbors"] = 64.0
    for name, wanted in COLUMNS.items():
        rows = means if name == "means" else means.iloc[:0]
        write_table(folder / f"{name}.parquet", rows.reindex(columns=wanted))


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tables(tmp_path)
    monkeypatch.setattr(table_command, "read_aggregated", partial(read_aggregated, folder=tmp_path))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(arguments)
    return capsys.readouterr().out


def test_every_parameter_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    lines = dict(line.split(None, 1) for line in printed(capsys, "params").splitlines())
    params = read_yaml(ROOT / "params.yaml")

    def names(section: dict, prefix: str = "") -> list[str]:
        return [
            inner
            for key, value in section.items()
            for inner in (
                names(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
            )
        ]

    assert set(names(params)) <= set(lines)
    assert lines["embed.keep_tokens"].startswith("20000  # rows kept per corpus split")
    assert lines["embed.keep_tokens"].endswith("[int | all]")
    assert "(default all)" in lines["embed.layers"]
    assert lines["embed.layers"].endswith("[list of int | all]")
    assert lines["estimate.cdf"].endswith("[i/n | (i-1)/n]")


def test_parameters_of_one_section_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "params", "finetune.lora").splitlines()
    assert len(lines) == 6
    assert all(line.startswith("finetune.lora.") for line in lines)
    with pytest.raises(SystemExit, match="lm-geometry params: no parameter begins with 'embad'"):
        main(["params", "embad"])


def test_a_table_is_filtered_sorted_and_cut(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["--layer", "4", "--sort", "mean", "--descending", "--columns", "corpus", "mean"]
    text = printed(capsys, "table", *chosen, "--format", "csv")
    assert text.splitlines() == ["corpus,mean", "b,11.0", "a,10.0", "a,9.0"]
    both = printed(
        capsys, "table", "--corpus", "a", "--checkpoint", "10", "base", "--format", "csv"
    )
    assert len(both.splitlines()) == 4
    sizes = printed(capsys, "table", "--n-neighbors", "64", "--format", "csv")
    assert len(sizes.splitlines()) == 6


def test_tables_are_printed_in_each_format(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["--columns", "corpus", "layer", "mean", "--checkpoint", "base"]
    markdown = printed(capsys, "table", *chosen, "--format", "markdown").splitlines()
    assert markdown[:3] == ["| corpus | layer | mean |", "|---|---|---|", "| a | 4 | 10 |"]
    assert markdown[3] == "| a | 12 | 12.25 |"
    records = json.loads(printed(capsys, "table", *chosen, "--format", "json"))
    assert records[1] == {"corpus": "a", "layer": 12, "mean": 12.25}
    text = pd.read_fwf(io.StringIO(printed(capsys, "table", *chosen)))
    assert text["mean"].tolist() == [10.0, 12.25, 11.0]
    whole = json.loads(printed(capsys, "table", "--format", "json"))
    assert whole[4]["mean"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--layer", "5"], "--layer: 5.0 is not in the table; there are 4, 12"),
        (["--corpus", "c"], "--corpus: c is not in the table; there are a, b"),
        (["--n-neighbors", "many"], "--n-neighbors: ['many'] are not numbers"),
        (["--sort", "maen"], "no column 'maen'; there are corpus, split"),
        (["--columns", "maen"], "no column 'maen'; there are corpus, split"),
        (["--control", "b"], "no column 'control'; there are corpus, split"),
    ],
)
def test_a_wrong_value_is_told_with_what_there_is(
    tables: Path, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["table", *arguments])
    assert str(caught.value).startswith(f"lm-geometry table: {sentence}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["table", "--lyer", "5"], "unknown option --lyer; did you mean '--layer'?"),
        (["table", "--lay=5"], "unknown option --lay; did you mean '--layer'?"),
        (["table", "meens"], "invalid choice: 'meens' (choose from"),
        (["tabel"], "invalid choice: 'tabel' (choose from"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_wrong_option_or_command_exits_with_usage(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.startswith("usage: lm-geometry")


def test_a_table_that_was_not_made_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        table_command, "read_aggregated", partial(read_aggregated, folder=tmp_path / "none")
    )
    with pytest.raises(SystemExit, match=r"means\.parquet is missing: `dvc repro`"):
        main(["table"])


def test_a_reader_that_goes_away_is_no_error(copied_project: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(copied_project / "src")}
    process = subprocess.Popen(
        [sys.executable, "-m", "lm_geometry.commands.cli", "params"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=copied_project,
    )
    assert process.stdout is not None
    process.stdout.close()  # before anything was printed, as `| head -0` does
    assert process.stderr is not None
    told = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert told == ""
