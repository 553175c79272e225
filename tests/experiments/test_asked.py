"""What is typed as `-S` is checked in full, and a mistake is answered with what would be right."""

import re
from pathlib import Path

import pytest

from lm_geometry.experiments.asked import asked, free_name, with_files
from lm_geometry.experiments.in_git import there
from lm_geometry.workspace.section import ROOT
from tests.toy_run import commit, git

MISTAKES = [
    ("embed.layer=[3]", "embed.layer: unknown parameter; did you mean 'embed.layers'?"),
    ("finetune.learning_rte=1e-4", "did you mean 'finetune.learning_rate'?"),
    ("embed.layers=[40]", "embed.layers: smollm2 has no layer 40; its hidden states are 0 … 30"),
    ("token_sample.points=many", "token_sample.points: 'many' is not valid"),
    ("token_sample.points=100", "128 must be above 2 and below token_sample.points = 100"),
    ("data_prep.evaluate=file:/x.jsonl", "which is typed in brackets: [file:/x.jsonl]"),
    ("data_prep.evaluate=[file:/nosuch.jsonl]", "evaluate.0: there is no /nosuch.jsonl"),
    ("model.name=smolm2", "'smolm2' is not in catalogue/models.yaml; did you mean 'smollm2'?"),
    ("finetune.seed=0,1,2", "several values are several experiments: `dvc exp run --queue`"),
    ("estimate.cdf=(i-1)/n", "quote a text with other signs twice: -S 'KEY="),
    ("aggregate.clusters.counts=[]", "DVC cannot write an empty list with -S"),
    ("name", "an override is KEY=VALUE, and the experiment's name stands before -S"),
    ("~finetune.seed", "an override is KEY=VALUE"),
    ("+finetune.sed=3", "finetune.sed: unknown parameter; did you mean 'seed'?"),
]


@pytest.mark.parametrize(("word", "answer"), MISTAKES, ids=[word for word, _ in MISTAKES])
def test_a_mistake_is_answered_with_what_would_be_right(word: str, answer: str) -> None:
    with pytest.raises(ValueError, match=re.escape(answer)):
        asked([word])


def test_every_unknown_name_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="unknown") as error:
        asked(["embed.layer=[3]", "seed=1", "finetune.learning_rte=1"])
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "embed.layer",
        "finetune.learning_rte",
    ]


def test_an_empty_file_is_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match=r"data_prep.train: .*empty.jsonl is empty"):
        asked([f"data_prep.train=file:{tmp_path}/empty.jsonl"])


def test_a_file_is_called_as_one_says(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("text")
    words = [f'data_prep.evaluate=["file:{tmp_path}/a b.txt as mine"]']
    assert asked(words).differs["data_prep.evaluate"][0] == [f"file:{tmp_path}/a b.txt as mine"]
    for name, answer in (("Mine", "has only a-z, 0-9 and -"), ("news", "is an alias of catalogue")):
        with pytest.raises(ValueError, match=re.escape(answer)):
            asked([words[0].replace("as mine", f"as {name}")])


def test_what_differs_is_what_was_typed_and_is_not_so_already() -> None:
    words = ["finetune.task=none", "seed=0", "finetune.freeze=[]", "embed.layers=[20,30]"]
    wanted = asked([*words, "+estimate.lpca.constants.alpha=0.1"])
    alpha = "+estimate.lpca.constants.alpha=0.1"
    assert wanted.words == ("finetune.task=none", "embed.layers=[20,30]", alpha)
    now = {name: value for name, (value, _) in wanted.differs.items()}
    assert now == {
        "finetune.task": "none",
        "embed.layers": [20, 30],
        "estimate.lpca.constants.alpha": 0.1,
    }


def test_a_name_is_free_below_a_commit_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "test")
    git(tmp_path, "config", "user.email", "test@localhost")
    commit(tmp_path, "x")
    free_name("mine-2.a", root=tmp_path)
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    git(tmp_path, "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/mine", "HEAD")
    assert list(there("mine", tmp_path)) == [head]
    with pytest.raises(ValueError, match="has an experiment mine already"):
        free_name("mine", root=tmp_path)
    free_name("mine", replace=True, root=tmp_path)
    for name in ("a/b", "-x", "a b", "x.", "", "seed=1"):
        with pytest.raises(ValueError, match="is no name of an experiment"):
            free_name(name, root=tmp_path)


def test_a_file_gives_overrides_that_typed_ones_win_over(tmp_path: Path) -> None:
    file, later = tmp_path / "fast.yaml", tmp_path / "later.yaml"
    file.write_text("finetune.steps: 10\nfinetune.checkpoints: [10]\nestimate.cdf: (i-1)/n\n")
    later.write_text("finetune.checkpoints: [5]\n")
    words = with_files(["finetune.steps=20"], [file, later])
    found = asked(words).differs
    assert {name: now for name, (now, _) in found.items()} == {
        "finetune.steps": 20,
        "finetune.checkpoints": [5],
        "estimate.cdf": "(i-1)/n",
    }


@pytest.mark.parametrize(
    ("content", "answer"),
    [("- a\n", "has no lines KEY: VALUE"), ("a: [\n", "--from: while parsing"), ("3: 4\n", "KEY")],
)
def test_a_file_that_gives_none_is_refused(tmp_path: Path, content: str, answer: str) -> None:
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(ValueError, match=answer):
        with_files([], [tmp_path / "a.yaml"])


def test_the_short_run_is_one_of_the_default_study() -> None:
    differs = asked(with_files([], [ROOT / "examples" / "quick.yaml"])).differs
    assert "model.name" not in differs
    assert len(differs) == 15
