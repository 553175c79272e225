"""Hundreds of experiments are listed within seconds, by git alone."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lm_geometry.experiments.listing import differing, headline, lines, listed
from tests.structure import ROOT
from tests.toy_run import commit, git

NUMBER = 500
PARAMS = (ROOT / "params.yaml").read_text()


def made(root: Path, name: str, params: str, summary: object, head: str) -> str:
    """What `git fast-import` makes an experiment of, as DVC names it."""
    text = "".join(
        f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n"
        for path, content in (
            ("params.yaml", params),
            ("metrics/summary.json", json.dumps(summary)),
        )
    )
    who = "committer test <test@localhost> 1700000000 +0000"
    reference = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
    return f"commit {reference}\n{who}\ndata 0\nfrom {head}\n{text}\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit below which there are many experiments, each with a seed of its own."""
    root = tmp_path_factory.mktemp("many")
    (root / "params.yaml").write_text(PARAMS)
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "test")
    git(root, "config", "user.email", "test@localhost")
    commit(root, "x")
    head = git(root, "rev-parse", "HEAD").strip()
    parts = [
        made(
            root,
            f"seed-{seed}",
            PARAMS.replace("\nseed: 0 ", f"\nseed: {seed} ", 1),
            {"difference_of_differences": {"mean": -seed, "lower": -seed - 1, "upper": 0.5}},
            head,
        )
        for seed in range(1, NUMBER + 1)
    ]
    stream = "".join(parts).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream, check=True)
    git(root, "update-ref", "refs/exps/exec/EXEC_HEAD", head)  # of DVC's own, and no experiment
    return root


def test_five_hundred_take_less_than_three_seconds(tree: Path) -> None:
    before = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = listed(tree)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = after.ru_utime + after.ru_stime - before[1].ru_utime - before[1].ru_stime
    assert time.process_time() - before[0] + children < 3
    assert len(found) == NUMBER
    one = next(one for one in found if one.name == "seed-7")
    assert one.differs == "seed=7"
    assert one.headline == "−7.00 [−8.00, 0.50]"
    assert one.started_from == git(tree, "rev-parse", "HEAD").strip()
    assert {one.name for one in listed(tree, "seed-10")} == {"seed-10", "seed-100"} | {
        f"seed-10{digit}" for digit in range(10)
    }


def test_dvc_and_its_libraries_are_not_imported() -> None:
    script = (
        "import sys; import lm_geometry.experiments.listing\n"
        "assert not set(sys.modules) & {'dvc', 'pandas', 'numpy', 'torch'}, sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": "src"}, cwd=ROOT)


def test_values_differ_by_what_they_are_and_not_by_how_they_are_written() -> None:
    old = b"a: {b: 1.0e-3, c: [x, y], d: 'no'}\ne: null\n"
    assert differing(b"a:\n  b: 0.001\n  c:\n  - x\n  - y\n  d: no\ne: null\n", old) == ""
    assert differing(b"a: {b: 0.01, c: [x], d: no}\nf: 1\n", old) == "a.b=0.01 a.c=[x] f=1 ~e"
    assert differing(None, old) == "–"
    nulls = b"a: null\nb:\n  c: ~\n  d: 1\n"
    assert differing(b"a:\nb:\n  c:\n  d: 1\n", nulls) == ""  # as DVC writes them
    assert differing(b"a: 2\nb:\n  c:\n  d:\n", nulls) == "a=2 b.d=null"


@pytest.mark.parametrize("text", [b"a: " + b"[" * 200_000, b"a: *b\n", b"a: {b\n", b"- a\n"])
def test_a_file_that_no_parser_reads_ends_no_list(text: bytes) -> None:
    assert differing(text, b"a: 1\n") == differing(b"a: 1\n", text) == "–"


def test_the_headline_is_the_difference_or_else_a_dimension() -> None:
    difference = {"mean": -0.704, "lower": -1.61, "upper": 0.2}
    for given in (difference, {"control": difference, "other": difference}):
        told = headline(json.dumps({"difference_of_differences": given}).encode())
        assert told == "−0.70 [−1.61, 0.20]"
    sides = {"dimension": {"a": {"base": 13.7, "shown": 11.8}, "b": {"base": 1}}}
    assert headline(json.dumps(sides).encode()) == "a 13.70 → 11.80"
    assert headline(b"{}") == headline(None) == "–"


def test_lines_fit_unless_all_is_asked_for(tree: Path) -> None:
    found = listed(tree, "seed-1")
    long = type(found[0])("n" * 80, "", "finetune.lora.layers=[1,2,3] " * 9, "−1.00 [−2.00, 0.00]")
    cut = lines([long, *found], 100)
    assert max(map(len, cut)) <= 100
    assert "…" in cut[0]
    assert cut[0].endswith("−1.00 [−2.00, 0.00]")
    assert "n" * 80 in lines([long], None)[0]
