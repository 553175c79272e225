"""Studies: what a file may say, the lines it becomes, and what is made of the results."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy import stats

from lm_geometry.commands.cli import main
from lm_geometry.experiments.experiment import written
from lm_geometry.experiments.in_git import look_up
from lm_geometry.experiments.outcomes import Following, State
from lm_geometry.experiments.running import InOrder
from lm_geometry.revisions.programs import environment
from lm_geometry.studies import definition
from lm_geometry.studies.definition import Study, read_study, study_names
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.grid import check_study, experiments
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.numbers.collection import collect
from lm_geometry.studies.report import write as report
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT
from tests.study_project import short

LINES = {"kind": "lines", "title": "T"}
SMALL: dict[str, Any] = {"question": "Q?", "minutes": 1, "figures": [LINES]}


def study(**fields: Any) -> Study:
    return Study.model_validate(SMALL | fields)


def write(folder: Path, name: str, **fields: Any) -> None:
    with (folder / f"{name}.yaml").open("w") as file:
        YAML().dump(SMALL | fields, file)


@pytest.mark.parametrize("name", study_names())
def test_every_study_of_the_repository_could_run(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LM_GEOMETRY_DATA", raising=False)
    for variable in [None, *read_study(name).where_set]:
        if variable:
            monkeypatch.setenv(variable, "somewhere")
        found = check_study(name, read_study(name))
        for figure in read_study(name).figures:
            runs.refuse_mixture(figure, read_study(name), found)
    header = (ROOT / "studies" / f"{name}.yaml").read_text().split("\nquestion:")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    for word in ("Published", "Cost", "Expect"):
        assert word.lower() in header.lower() or name in ("finetuning_shift", "untrained_control")


@pytest.mark.parametrize("name", ["llama-3-2-1b", "llama-3-2-3b", "llama-3-1-8b", "phi-3-5-mini"])
def test_the_other_published_models_can_be_cases_as_the_header_says(name: str) -> None:
    study = read_study("finetuning_shift")
    header = (ROOT / "studies" / "finetuning_shift.yaml").read_text().split("\nquestion:")[0]
    lines = [line[4:] for line in header.splitlines() if line.startswith("#   ")]
    assert name in header
    more = YAML(typ="safe").load("\n".join(lines).replace("llama-3-2-1b", name))
    found = check_study("finetuning_shift", study.model_copy(update={"cases": study.cases | more}))
    of_it = [one.overrides for one in found if one.overrides["model.name"] == name]
    assert len(of_it) == 4
    assert all(one["finetune.lora.layers"] == "all" for one in of_it)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"grids": {}}, "studies/s.yaml: grids: unknown parameter; did you mean 'grid'?"),
        ({"minutes": "long"}, "minutes: 'long' is not valid"),
        ({"grid": {"seed": []}}, "grid.seed: no values"),
        ({"cases": {"A b": {}}}, "cases: 'A b': a name has only"),
        ({"grid": {"seed": [1]}, "repeats": ["sead"]}, "sead is in no case.*did you mean 'seed'"),
        ({"figures": [LINES | {"kind": "pie"}]}, "'pie' is not valid"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, fields: dict, message: str) -> None:
    write(tmp_path, "s", **fields)
    with pytest.raises(ValueError, match=message):
        read_study("s", tmp_path)


def test_an_unknown_study_gets_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="no study 'sensitivity_point'; did you mean 'sensi"):
        read_study("sensitivity_point")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"embed.layer": [3]}, "embed.layer: unknown parameter; did you mean 'embed.layers'"),
        ({"embed.layers": [99]}, r"s-seed-1-\w{6}: .*embed.layers: smollm2 has no layer 99"),
        ({"model.name": "smolm2"}, "'smolm2' is not in catalogue/models.yaml; did you mean"),
    ],
)
def test_overrides_are_checked_before_anything_runs(overrides: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_study("s", study(fixed=overrides, grid={"seed": [0, 1]}))


def test_the_grid_is_the_product_of_cases_and_lists() -> None:
    made = experiments(
        "s",
        study(
            fixed={"model.name": "a", "seed": 9},
            cases={"one": {"seed": 1}, "two": {"seed": 2}},
            grid={"embed.layers": [[3, 6], "all"], "token_sample.noise": [0.001, 1e-5, 2]},
        ),
    )
    assert len(made) == 2 * 2 * 3
    assert short(made[0].name) == "s-one-layers-3-6-noise-0.001"
    assert short(made[-1].name) == "s-two-layers-all-noise-2"
    assert len({one.name for one in made}) == len(made)
    assert made[0].overrides == {
        "model.name": "a",
        "seed": 1,
        "embed.layers": [3, 6],
        "token_sample.noise": 0.001,
    }
    with pytest.raises(ValueError, match="two experiments are named s-layers-3"):
        experiments("s", study(grid={"embed.layers": [[3], 3]}))


def test_names_are_replaced_where_a_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = study(
        fixed={"data_prep.evaluate": ["sgd", "news"]}, where_set={"MINE": {"sgd": "sgd-local"}}
    )
    monkeypatch.delenv("MINE", raising=False)
    assert experiments("s", asked)[0].overrides["data_prep.evaluate"] == ["sgd", "news"]
    monkeypatch.setenv("MINE", "/x")
    assert experiments("s", asked)[0].overrides["data_prep.evaluate"] == ["sgd-local", "news"]


VALUES = [
    *(1, 1e-5, -0.25, True, None, "a", "i/n", "(i-1)/n", "true", "3", "1e-3", "", "a b", "a,b"),
    *([], [3, -1], ["x", "file:$D/a b.zip"], {"alpha": 0.05}, 'say "so"', "hub:o/N@v1"),
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_dvc_reads_back_what_is_written(tmp_path: Path, value: Any) -> None:
    from dvc.utils.hydra import apply_overrides

    (tmp_path / "params.yaml").write_text("a: {b: 0}\n")
    apply_overrides(tmp_path / "params.yaml", [f"a.b={written(value)}"])
    found = read_yaml(tmp_path / "params.yaml")["a"]["b"]
    assert (found, type(found)) == (value, type(value))


def test_a_dry_run_prints_lines_to_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {"tiny-more": {"step": 5, "overrides": {"model.name": "minilm"}}}
    for override in ("task=masked_lm", "method=full"):
        key, _, value = override.partition("=")
        kept["tiny-more"]["overrides"][f"finetune.{key}"] = value
    kept["tiny-more"]["overrides"] |= {"embed.layers": [6], "aggregate.layer": 6}
    grid = {"estimate.cdf": ["(i-1)/n"], "estimate.n_neighbors": [[64], [64, 128]]}
    write(tmp_path, "s", grid=grid, models=kept, figures=[LINES | {"panels": [*grid]}])
    monkeypatch.setattr(definition, "read_study", lambda name: read_study(name, tmp_path))
    sizes = ("64", "64-128")
    names = ["s-tiny-more", *(f"s-cdf-i-1-n-n-neighbors-{size}" for size in sizes)]

    def short_lines(text: str) -> list[str]:
        return [" ".join(map(short, line.split(" "))) for line in text.splitlines()]

    first = (
        "dvc exp run --temp -n s-tiny-more -S model.name=minilm -S finetune.task=masked_lm "
        "-S finetune.method=full -S 'embed.layers=[6]' -S aggregate.layer=6\n"
        "lm-geometry keep s-tiny-more 5 tiny-more"
    )
    one = "-n s-cdf-i-1-n-n-neighbors-64 -S 'estimate.cdf=\"(i-1)/n\"'"
    main(["study", "s", "--dry-run"])
    out, told = capsys.readouterr()
    assert told.startswith("disk: hidden states at most ")
    assert short_lines(out) == [
        *first.splitlines(),
        f"dvc exp run --temp {one} -S 'estimate.n_neighbors=[64]'",
        f"dvc exp run --temp {one.replace('-64', '-64-128')} -S 'estimate.n_neighbors=[64,128]'",
    ]
    made = [line.split()[5] for line in out.splitlines() if line.startswith("dvc")]
    assert f"lm-geometry keep {made[0]} 5 tiny-more" in out.splitlines()
    assert all(re.fullmatch(r".*-[0-9a-f]{6}", name) for name in made)
    main(["study", "s", "--dry-run", "--jobs", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("dvc exp run --temp -n s-cdf")  # what the next one shares
    assert lines[3].startswith("dvc exp run --queue -n s-cdf")
    assert lines[4:] == ["dvc queue start -j 2"]
    (tmp_path / "slurm.yaml").write_text("{time: '1:00', memory: 1GB}")
    main(["study", "s", "--dry-run", "--slurm", "--slurm-file", str(tmp_path / "slurm.yaml")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# each in a clone of the last commit, by a job with time 1:00, 1 C")
    assert [line.split()[4] for line in lines if line.startswith("dvc exp run -n")] == made
    assert [short(name) for name in made] == names


def test_the_list_has_names_questions_and_costs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["study", "--list"])
    out = capsys.readouterr().out
    assert "sensitivity_noise  (18 experiments, about 14 minutes on two cores)" in out
    assert "Does dropout in fine-tuning change the shift" in out


def test_unlike_experiments_are_not_taken_for_runs_of_one_thing() -> None:
    grid = {"embed.layers": [[3], [6]], "finetune.seed": [0, 1]}
    asked = study(grid=grid, repeats=["finetune.seed"])
    with pytest.raises(ValueError, match=r"do not tell embed.layers apart"):
        runs.refuse_mixture(asked.figures[0], asked, experiments("s", asked))
    told = study(grid=grid, repeats=["finetune.seed"], figures=[LINES | {"x": "embed.layers"}])
    runs.refuse_mixture(told.figures[0], told, experiments("s", told))


def rows(means: list[float]) -> pd.DataFrame:
    cell = {"corpus": "a", "control": "", "split": "test", "layer": 3, "n_neighbors": 64.0}
    cell |= {"checkpoint": "base", "step": 0, "side": "base", "role": "", "shown": True}
    cell |= {"lower": 1.0, "upper": 3.0, "values": 100, "clouds": 1, "points": 100}
    return pd.DataFrame([cell | {"mean": mean} for mean in means])


def test_intervals_over_runs_are_students() -> None:
    means = [2.0, 2.5, 1.7]
    found = runs.over_runs(rows(means), Figure.model_validate(LINES)).iloc[0]
    expected = stats.t.interval(0.95, df=2, loc=np.mean(means), scale=stats.sem(means))
    np.testing.assert_allclose([found["lower"], found["upper"]], expected)
    assert (found["runs"], found["over"]) == (3, "runs")
    one = runs.over_runs(rows([2.0]), Figure.model_validate(LINES)).iloc[0]
    assert (one["lower"], one["upper"], one["over"]) == (1.0, 3.0, "documents")
    several = rows([2.0]).assign(clouds=3)
    (over,) = runs.over_runs(several, Figure.model_validate(LINES))["over"]
    assert over == "documents and 3 clouds"


SCRIPT = """
import json, pathlib, sys
import pandas as pd
params = pathlib.Path("params.yaml").read_text()
seed = int(params.split("seed:")[1].split()[0])
if seed == 13:
    raise SystemExit("seed 13 brings no luck")
for folder in ("data/tables", "plots"):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
rows = [dict(corpus=c, split="test", layer=k, estimator="twonn", n_neighbors=64.0, checkpoint=s,
             mean=10.0 + k + seed - (s == "5") * (1 + (c == "a")), lower=0.0, upper=1.0, values=50,
             documents=9, clouds=2, points=25, level="token", exclude="none")
        for c in "ab" for k in (1, 2) for s in ("base", "5")]
means = pd.DataFrame(rows)
means.to_parquet("data/tables/means.parquet")
means[means["checkpoint"] == "5"].to_parquet("data/tables/changes.parquet")
means.iloc[:0].assign(control="").to_parquet("data/tables/differences.parquet")
model = dict(name="m", label="M", source="file:m", kind="decoder", layers=2, width=8,
             weights="pretrained", seed=0)
pathlib.Path("data/model.json").write_text(json.dumps(model))
"""
PARAMS = """
model: {name: m}
data_prep: {train: a, evaluate: [a, b]}
finetune:
  task: causal_lm
  seed: 0
estimate: {estimators: [twonn], n_neighbors: [64], cdf: i/n, exclude: [none]}
token_sample: {seeds: [0, 1]}
aggregate: {checkpoint: last, layer: -1, n_neighbors: last}
"""
PIPELINE = """
stages:
  aggregate:
    cmd: python src/make.py
    deps: [src/make.py]
    params: [finetune]
    outs: [data/tables, data/model.json]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed DVC project with one stage that writes the tables of a pipeline run."""
    files = {"src/make.py": SCRIPT, "params.yaml": PARAMS, "dvc.yaml": PIPELINE}
    files |= {f"catalogue/{name}.yaml": "m: {}\na: {}\nb: {}\n" for name in ("models", "corpora")}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    commands = [["git", "init", "-q"], ["git", "config", "user.name", "t"]]
    commands += [["git", "config", "user.email", "t@localhost"], ["dvc", "init", "-q"]]
    commands += [["git", "add", "-A"], ["git", *identity, "commit", "-qm", "x"]]
    for command in commands:
        subprocess.run(command, cwd=tmp_path, check=True, env=environment(tmp_path))
    return tmp_path


@pytest.mark.pipeline
def test_experiments_run_and_are_found_again_and_drawn(repository: Path, tmp_path: Path) -> None:
    asked = study(
        grid={"finetune.seed": [0, 4, 13]},
        repeats=["finetune.seed"],
        figures=[LINES | {"value": "change"}],
    )
    found = experiments("s", asked, repository)
    runner = InOrder(tmp_path / "logs", repository)
    outcomes = list(runner.run(found, Following(len(found), lambda text: None)))
    assert [outcome.state for outcome in outcomes] == [State.DONE, State.DONE, State.FAILED]
    assert "seed 13 brings no luck" in (tmp_path / "logs" / f"{found[2].name}.log").read_text()
    there = [look_up(experiment.name, repository) for experiment in found]
    assert [one is not None for one in there] == [True, True, False]
    collected = [
        collect(experiment, one.commit, repository)
        for experiment, one in zip(found, there, strict=True)
        if one
    ]
    table = runs.over_runs(runs.rows_of(asked.figures[0], asked, collected), asked.figures[0])
    shown = table[table["shown"]]
    # 10 + layer + seed − 2 on the fine-tuned corpus: seeds 0 and 4 at layer 2.
    assert dict(zip(shown["corpus"], shown["mean"], strict=True)) == {"a": 12.0, "b": 13.0}
    assert list(shown["role"]) == ["fine-tuned", "control"]
    assert set(shown["runs"]) == {2}
    written_files = report.write_report("s", asked, collected, tmp_path / "results")
    names = {path.name for path in written_files}
    assert {"change_by_layer.svg", "change_by_layer.png", "change_by_layer.csv"} < names
    page = (tmp_path / "results" / "s" / "README.md").read_text()
    assert "mean over 2 runs" in (tmp_path / "results/s/change_by_layer.svg").read_text()
    assert "N = 25 tokens" in (tmp_path / "results/s/change_by_layer.svg").read_text()
    assert re.search(rf"\| {found[1].name} +\| `finetune.seed=4` +\|", page)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True)
    assert f"The code is that of `{head.stdout.decode()[:10]}`;" in page
    again = {path: path.read_bytes() for path in written_files}
    report.write_report("s", asked, collected, tmp_path / "results")
    assert {path: path.read_bytes() for path in written_files} == again
    assert there[0] is not None
    assert (there[0].other_code, there[0].of_head) == ((), True)
    (repository / "src" / "make.py").write_text(SCRIPT + "\n")
    assert look_up(found[0].name, repository) == replace(there[0], other_code=("src/make.py",))
    subprocess.run(["git", "commit", "-qam", "y"], cwd=repository, check=True)
    older = look_up(found[0].name, repository)
    assert older == replace(there[0], other_code=("src/make.py",), of_head=False)
    params = (repository / "params.yaml").read_text()
    (repository / "params.yaml").write_text(params.replace("layer: -1", "layer: -2"))
    assert {one.name for one in experiments("s", asked, repository)} == {o.name for o in found}
    subprocess.run(["git", "commit", "-qam", "z"], cwd=repository, check=True)
    assert not {one.name for one in experiments("s", asked, repository)} & {o.name for o in found}


def test_the_folder_of_studies_is_told_of() -> None:
    text = (definition.FOLDER / "README.md").read_text()
    for name in study_names():
        assert f"`{name}`" in text, f"studies/README.md does not tell of {name}"
