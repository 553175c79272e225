"""What is said of experiments while they run and when they ended, and which studies run here."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.commands.cli import main
from lm_geometry.experiments.experiment import Experiment, awaited, levels
from lm_geometry.experiments.outcomes import Following, Outcome, State, running, table
from lm_geometry.studies import needs
from lm_geometry.studies.definition import read_study, study_names
from lm_geometry.studies.needs import left_out
from tests.command_line import parsed
from tests.structure import ROOT

LOG = Path("logs/b.log")


def test_the_table_has_a_state_for_each_and_the_log_of_failures() -> None:
    outcomes = [
        Outcome("a", State.EXISTED),
        Outcome("b", State.FAILED, LOG, 3725.4),
        Outcome("long-name", State.DONE, LOG, 0.6),
    ]
    assert table(outcomes).splitlines() == [
        "experiment    state    time     log",
        "a             existed",
        "b             failed   1:02:05  logs/b.log",
        "long-name     done     0:00:01",
    ]


def test_every_state_but_three_is_a_failure() -> None:
    good = {state for state in State if not Outcome("a", state).failed}
    assert good == {State.DONE, State.EXISTED, State.OLDER}


def test_progress_is_said_when_it_changes() -> None:
    said: list[str] = []
    following = Following(3, said.append)
    states = {"a": "running (embed)", "b": "waiting (Resources)", "c": "waiting"}
    following.now(states)
    following.now(states)
    following.ended(Outcome("a", State.DONE, LOG, 61))
    following.now({"b": "running", "c": "waiting"})
    following.ended(Outcome("b", State.FAILED, LOG, 5))
    assert said == [
        "[0:00:00] 1 running: a (embed); 2 waiting (Resources)",
        "1/3 a: done (0:01:01)",
        "[0:00:00] 1 done; 1 running: b; 1 waiting",
        "2/3 b: FAILED (0:00:05), see logs/b.log",
    ]


def test_the_stage_is_the_last_that_a_log_names(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert running(log) == "running"
    log.write_text("Running stage 'finetune':\n> python\nRunning stage 'embed':\nnothing yet\n")
    assert running(log) == "running (embed)"
    with log.open("a") as more:
        more.write("base speeches: 1 of 3 in 6 s, 0.17 a second, 12 s left\n")
        more.write("base speeches: 2 of 3 in 1,012 s, 0.1 a second, 6 s left\nand a warning\n")
    assert running(log) == "running (embed: 2 of 3, 6 s left)"
    with log.open("a") as more:
        more.write("Running stage 'estimate':\n")
    assert running(log) == "running (estimate)"


def test_shares_are_said_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now = [0.0]
    monkeypatch.setattr("lm_geometry.experiments.outcomes.time.monotonic", lambda: now[0])
    following = Following(1, said.append)
    for second, share in ((0, 1), (4, 2), (9, 3), (12, 4), (13, 5)):
        now[0] = second
        following.now({"a": f"running (embed: {share} of 9, 6 s left)"})
    now[0] = 14
    following.now({"a": "running (estimate)"})
    assert said == [
        "[0:00:00] 1 running: a (embed: 1 of 9, 6 s left)",
        "[0:00:12] 1 running: a (embed: 4 of 9, 6 s left)",
        "[0:00:14] 1 running: a (estimate)",
    ]


def waits(experiments: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What `awaited` says, and that each list of `levels` has what the lists before make ready."""
    made = [Experiment(name, overrides) for name, overrides in experiments.items()]
    found, ended = awaited(made), set[str]()
    for level in levels(made):
        assert {found[one.name] for one in level if one.name in found} <= ended
        ended |= {one.name for one in level}
    assert ended == set(experiments)
    return found


def test_an_experiment_waits_for_the_first_with_its_hidden_states() -> None:
    a, b = {"finetune.seed": 0, "token_sample.noise": 0.1}, {"token_sample.noise": 0.2}
    c = {"finetune.seed": 1}  # which nobody shares: it neither waits nor is waited for
    assert waits({"a": a, "c": c, "b": b}) == {"b": "a"}  # seed 0 is that of params.yaml
    assert waits({"a": a, "c": c}) == {}
    made = [Experiment("c", c), Experiment("a", a), Experiment("b", b)]
    assert [[one.name for one in level] for level in levels(made)] == [["a", "c"], ["b"]]


def test_fine_tuning_is_shared_by_those_with_other_hidden_states() -> None:
    first, other = {"embed.layers": [12]}, {"embed.layers": [20]}
    found = waits({"a": first, "b": other, "c": other | {"estimate.cdf": "(i-1)/n"}, "d": first})
    assert found == {"b": "a", "c": "b", "d": "a"}
    seeds = {f"s{seed}": {"seed": seed} for seed in (0, 1)}  # of hidden states, not of batches
    assert waits(seeds) == {"s1": "s0"}
    random = {name: own | {"model.weights": "random"} for name, own in seeds.items()}
    assert waits(random) == {}
    texts = {"data_prep.evaluate": ["news"]}, {"data_prep.prompts.count": 0}
    assert waits({"a": {}, "b": texts[0], "c": texts[1]}) == {"b": "a", "c": "a"}


def test_without_fine_tuning_only_hidden_states_are_waited_for() -> None:
    none = {"finetune.task": "none", "finetune.checkpoints": []}
    layers = {name: none | {"embed.layers": [layer]} for name, layer in (("a", 12), ("b", 20))}
    assert waits(layers) == {}
    assert waits(layers | {"c": layers["b"] | {"token_sample.noise": 0.1}}) == {"c": "b"}


def test_nobody_waits_for_prepared_data() -> None:
    assert waits({f"s{seed}": {"finetune.seed": seed} for seed in range(4)}) == {}


def test_all_leaves_out_what_cannot_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LM_GEOMETRY_DATA", raising=False)
    monkeypatch.setattr(needs, "hub_is_away", lambda: "no hub")

    def reason(name: str, gpu: bool = False) -> str:
        return left_out(name, read_study(name), gpu)

    assert reason("sensitivity_points") == reason("grokking") == ""
    assert reason("grokking_published") == "it needs a GPU"
    assert reason("grokking_published", gpu=True) == ""
    assert reason("finetuning_shift", gpu=True) == "no hub"
    assert reason("finetuning_shift_dialogue") == "no hub"
    monkeypatch.setattr(needs, "hub_is_away", lambda: "")
    assert reason("token_geometry_pythia_steps") == ""
    bundled = [name for name in study_names() if "published" not in name]
    assert sum(not reason(name) for name in bundled) > 15


def test_all_leaves_out_what_needs_data_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = read_study("sensitivity_points")
    own = bundled.fixed | {"data_prep.train": "multiwoz21-local"}
    study = bundled.model_copy(update={"fixed": own})
    monkeypatch.delenv("LM_GEOMETRY_DATA", raising=False)
    assert left_out("s", study, gpu=False) == (
        "it needs data in the folder that LM_GEOMETRY_DATA names"
    )
    monkeypatch.setenv("LM_GEOMETRY_DATA", "/somewhere")
    assert left_out("s", study, gpu=False) == ""


@pytest.mark.parametrize("page", ["README.md", "studies/README.md", "docs/studies-on-clusters.md"])
def test_documented_lines_of_studies_are_understood(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^lm-geometry study (.+)$", text, flags=re.MULTILINE)
    assert lines or page == "README.md"
    for line in lines:
        given = parsed(["study", *shlex.split(line, comments=True)]).params
        assert set(given["names"]) <= set(study_names())
        assert given["names"] or given["every"] or given["listed"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "name a study: convergence, exhaustion, exhaustion_published"),
        ("--all grokking", "--all is every study: leave out grokking"),
        ("grokking --jobs 0", "--jobs: 0 must be 1 or more"),
        ("grokking --slurm-file x.yaml", "--slurm-file: is for --slurm"),
        ("grokking --slurm --slurm-file x.yaml", "x.yaml is missing"),
        ("grokking --jobs 2 --slurm", "--slurm is not allowed with --jobs"),
        ("groking", "no study 'groking'; did you mean 'grokking'"),
        ("grokking --resumed", "No such option '--resumed'. Did you mean '--resume'?"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["study", *shlex.split(line)])
    assert message in f"{ended.value}{capsys.readouterr().err}"


def test_several_studies_are_dry_run_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    main(["study", "sensitivity_seeds", "grokking", "--dry-run"])
    names = [line.split()[5] for line in capsys.readouterr().out.splitlines()]
    assert {name.split("-")[0] for name in names} == {"sensitivity_seeds", "grokking"}


def test_published_sizes_of_exhaustion_and_overfitting_are_dry_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LM_GEOMETRY_DATA", raising=False)
    main(["study", "exhaustion_published", "overfitting_published", "--dry-run"])
    found: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        words = shlex.split(line)
        assert words[:5] == ["dvc", "exp", "run", "--temp", "-n"]
        assert set(words[6::2]) == {"-S"}
        found[words[5].rpartition("-")[0]] = words[7::2]  # without its hash
    schedules = {"linear": "linear", "constant-with-warmup": "constant_with_warmup"}
    varied = {
        f"exhaustion_published-schedule-{name}-seed-{seed}": (f"schedule={value}", seed)
        for name, value in schedules.items()
        for seed in range(40, 45)
    } | {
        f"overfitting_published-train-sequences-{number}-seed-{seed}": (f"sequences={number}", seed)
        for number in ("all", "6600")
        for seed in range(50, 54)
    }
    assert set(found) == set(varied)
    for name, overrides in found.items():
        changed, seed = varied[name]
        assert overrides[-2].endswith(changed)
        assert overrides[-1] == f"finetune.seed={seed}"
        study = read_study(name.partition("-")[0])
        keys = [override.partition("=")[0] for override in overrides]
        assert keys == [*study.fixed, *study.grid]
        tracks = "exhaustion" in name
        epochs, tokens, task, corpus = (
            (20, 180, "dialogue_state", "multiwoz21")
            if tracks
            else (50, 128, "sequence_classification", "emowoz")
        )
        assert {
            f"finetune.epochs={epochs}",
            "finetune.steps=null",
            'finetune.checkpoints="every 1 epoch"',
            f"finetune.block_tokens={tokens}",
            f"embed.max_length={tokens}",
            f"finetune.task={task}",
            f"data_prep.train={corpus}",
            f"data_prep.evaluate=[{corpus}]",
        } <= set(overrides)
