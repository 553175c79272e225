"""Every documented line that runs an experiment passes DVC's grammar and the project's checks."""

import itertools
import re
import shlex
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lm_geometry.params.check import check_project
from lm_geometry.workspace.section import read_yaml
from tests.command_line import parsed, typed_in
from tests.structure import ROOT

DOCS = [
    "callback",
    "sweeps",
    "grokking",
    "coming-from",
    "remotes",
    "fine-tuning",
    "dialogue",
    "large-clouds",
    "measure",
    "bring-your-own",
    "studies-on-clusters",
]
PAGES = ["README.md", *(f"docs/{page}.md" for page in DOCS), "studies/README.md"]
READERS_OWN = ("/models/my-llama", "/texts/news.jsonl")  # made up in the README
RUNS = "/runs/results."  # scores that others recorded, as docs/bring-your-own.md has them
KEPT = "my-model"  # what `lm-geometry keep` is said to make


def commands(page: str) -> list[list[str]]:
    """The words of each command in the page's blocks of shell lines."""
    blocks = typed_in(ROOT / page)
    arrays = re.findall(r"^(\w+)=\(\n(.*?)^\)\n", blocks, flags=re.DOTALL | re.MULTILINE)
    for name, content in arrays:
        blocks = blocks.replace(f"{name}=(\n{content})\n", "")
        blocks = blocks.replace(f'"${{{name}[@]}}"', " ".join(content.split("\n")))
    lines = blocks.replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in _parts(line)]
    return [words for words in parts if words]


def _parts(line: str) -> list[list[str]]:
    """The words of the commands of one line, which `;` and `&&` part."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=";&")
    reader.whitespace_split = True
    grouped = itertools.groupby(reader, lambda word: set(word) <= set(";&"))
    return [list(words) for apart, words in grouped if not apart]


def runs(page: str) -> list[list[str]]:
    """The lines that run experiments, those of `lm-geometry run` as DVC's."""
    found = []
    for words in commands(page):
        if words[:2] == ["lm-geometry", "run"]:
            words = ["dvc", "exp", "run", "--temp", "-n", *words[2:]]
        if words[:3] == ["dvc", "exp", "run"]:
            found.append(words)
    return found


def test_no_line_leaves_its_parameters_to_the_next() -> None:
    for page in PAGES:
        for words in runs(page):
            assert {"--temp", "--queue"} & {*words}, shlex.join(words)


CASES = [pytest.param(words, id=shlex.join(words)[12:80]) for p in PAGES for words in runs(p)]


def expanded(words: list[str]) -> list[list[str]]:
    """The overrides of each experiment of a line, as DVC's own queue makes them."""
    from dvc.utils.hydra import get_hydra_sweeps

    own = [words[i + 1] for i, word in enumerate(words) if word == "-S"]
    if "--queue" not in words:
        return [own]
    return [sweep["params.yaml"] for sweep in get_hydra_sweeps({"params.yaml": own})]


@pytest.mark.parametrize("words", CASES)
def test_the_line_is_understood_and_valid(words: list[str], tmp_path: Path) -> None:
    from dvc.cli import parse_args
    from dvc.utils.hydra import apply_overrides

    parse_args(words[1:])  # exits where DVC has no such option
    experiments = expanded(words)
    assert len(experiments) > 1 or "--queue" not in words
    shutil.copytree(ROOT / "catalogue", tmp_path / "catalogue")
    models = read_yaml(ROOT / "catalogue" / "models.yaml")
    with (tmp_path / "catalogue" / "models.yaml").open("a") as file:
        YAML().dump({KEPT: models["smollm2"]}, file)
    (tmp_path / "models" / "my-llama").mkdir(parents=True)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "news.jsonl").write_text('{"text": "One line."}\n')
    (tmp_path / "runs" / "results.40" / "checkpoint-100").mkdir(parents=True)
    default, made = read_yaml(ROOT / "params.yaml"), []
    for overrides in experiments:
        shutil.copy(ROOT / "params.yaml", tmp_path)
        apply_overrides(tmp_path / "params.yaml", [_own(text, tmp_path) for text in overrides])
        made.append(read_yaml(tmp_path / "params.yaml"))
        check_project(tmp_path)
    assert all(one != other for one, other in itertools.combinations(made, 2))
    assert made != [default]


def _own(override: str, folder: Path) -> str:
    for path in READERS_OWN:
        override = override.replace(f"file:{path}", f"file:{folder}{path}")
    return override.replace(RUNS, f"{folder}{RUNS}")


@pytest.mark.parametrize("page", PAGES)
def test_other_lines_have_options_that_exist(page: str) -> None:
    from dvc.cli import parse_args

    found = commands(page)
    assert any(words[0] in ("dvc", "lm-geometry") for words in found)
    for program, *words in found:
        if program == "dvc":
            parse_args(words)
        elif program == "lm-geometry":
            parsed(words)  # raises where there is no such command, option or value


def test_what_the_lines_sweep_is_what_the_page_says() -> None:
    sweeps = {words[words.index("-n") + 1]: words for words in runs("docs/sweeps.md")}
    assert len(expanded(sweeps["seeds"])) == 6
    assert expanded(sweeps["layers"]) == [["embed.layers=[20]"], ["embed.layers=[20,25,30]"]]
    assert [o[-1] for o in expanded(sweeps["splits"])] == [
        f"data_prep.split_seed={seed}" for seed in range(5)
    ]
    assert len(expanded(sweeps["at"])) == 4
    kept = read_yaml(ROOT / "params.yaml")["finetune"]["checkpoints"]
    assert [f"embed.checkpoints=[{step}]" for step in kept] == [
        o[0] for o in expanded(sweeps["at"])
    ]
