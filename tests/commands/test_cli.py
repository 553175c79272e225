"""The command line: what it prints, and what it says to a mistake."""

import io
import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest

from lm_geometry.aggregate.tables import ALL
from lm_geometry.commands.cli import COMMANDS, main, program
from lm_geometry.commands.table_columns import COLUMNS as MEANINGS
from lm_geometry.commands.table_columns import TABLES
from lm_geometry.workspace import paths
from lm_geometry.workspace.section import read_yaml
from lm_geometry.workspace.tables import write_table
from tests.command_line import parsed
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
    for name, wanted in ALL.items():
        rows = means if name == "means" else means.iloc[:0]
        write_table(folder / f"{name}.parquet", rows.reindex(columns=wanted))


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tables(tmp_path)
    monkeypatch.setattr(paths, "TABLES", tmp_path)
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
    assert lines["embed.layers"].endswith("[list of int | str | all]")
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
    assert printed(capsys, "table", "--corpus=a", "--checkpoint=10", "--checkpoint", "base") == (
        printed(capsys, "table", "--checkpoint", "10", "base", "--corpus", "a")
    )
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
        (["--layer", "5"], "layer: 5.0 is not in the table; there are 4, 12"),
        (["--corpus", "c"], "corpus: c is not in the table; there are a, b"),
        (["--n-neighbors", "many"], "n_neighbors: many: not all are numbers"),
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
        (["table", "--lyer", "5"], "No such option '--lyer'. Did you mean '--layer'?"),
        (["table", "--sorted=5"], "No such option '--sorted'. Did you mean '--sort'?"),
        (["table", "meens"], "'meens' is unknown; did you mean 'means'?"),
        (["table", "--format", "cvs"], "'cvs' is unknown; did you mean 'csv'?"),
        (["table", "--layer", "--sort", "mean"], "Option '--layer' requires an argument."),
        (["tabel"], "No such command 'tabel'. Did you mean 'table'?"),
        (["--verson"], "No such option '--verson'. Did you mean '--version'?"),
        (["keep", "step-20", "many", "mine"], "'many' is not a valid integer"),
        (["keep", "a", "1", "b", "--merge", "--adapter"], "--adapter is not allowed with --merge"),
        (["audit", "--remote", "a", "--no-remote"], "--no-remote is not allowed with --remote"),
        (["drift", "finetune"], "Got unexpected extra argument (finetune)"),
        ([], "COMMAND [ARGS]..."),
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
    assert told.startswith("Usage: lm-geometry")


def test_a_table_that_was_not_made_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "TABLES", tmp_path / "none")
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


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"^lm-geometry report: .*File exists.*file"):
        main(["report", "grokking", "--out", str(tmp_path / "file" / "page.html")])


def test_the_tables_that_the_command_names_are_those_that_there_are() -> None:
    assert tuple(ALL) == tuple(TABLES)


def test_every_column_of_every_table_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert {column for columns in ALL.values() for column in columns} == set(MEANINGS)
    lines = printed(capsys, "table", "means", "--explain").splitlines()
    assert lines[0].startswith("means: mean of every estimate")
    assert [line.split()[0] for line in lines[2:]] == ALL["means"]
    assert all(len(line.split()) > 2 for line in lines[2:])


def test_lines_fit_a_terminal_unless_all_columns_are_asked_for(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, "table").splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "in all rows: split test, estimator twonn, n_neighbors 64"
    assert lines[1].split() == ["corpus", "layer", "checkpoint", "mean"]
    assert lines[2].split() == ["a", "4", "base", "10"]
    assert max(map(len, printed(capsys, "table", "--wide").splitlines())) > 150


def test_an_empty_table_says_why(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["table", "changes"])
    assert "changes has no rows: no checkpoint but base" in capsys.readouterr().err
    main(["table", "prompt_means", "--format", "csv"])
    told = capsys.readouterr()
    assert "prompt_means has no rows: no prompts were drawn" in told.err
    assert told.out.startswith("model,checkpoint")
    main(["table", "remainders"])
    assert "remainders has no rows: no null models were drawn" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_its_options_and_lines_that_work(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([name, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: lm-geometry {name} ")
    command = program.get_command(click.Context(program), name)
    assert command is not None
    assert all(getattr(parameter, "help", None) for parameter in command.params)
    lines = [line.strip() for line in text.splitlines() if line.startswith("    lm-geometry ")]
    assert lines or not command.params
    for line in lines:
        assert parsed(shlex.split(line, comments=True)[1:]).command is command


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert printed(capsys, "--version") == f"lm-geometry {version}\n"


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_is_quick_since_it_imports_no_library_and_no_room_but_the_ground(
    words: list[str],
) -> None:
    script = (
        f"import sys; from lm_geometry.commands.cli import main; main({words})\n"
        "light = ('lm_geometry.commands', 'lm_geometry.workspace')\n"
        "there = [name for name in sys.modules if name.startswith('lm_geometry.')]\n"
        "assert all(name.startswith(light) for name in there), there\n"
        "assert not set(sys.modules) & {'numpy', 'pandas', 'pydantic', 'ruamel.yaml', 'dvc'}\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
