"""params.yaml and the catalogue: every error is named at once, before anything is touched."""

import copy
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lm_geometry.embed.params import Embed
from lm_geometry.models.catalogue import read_models
from lm_geometry.params.check import ParamsError, check_project
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import read_yaml
from lm_geometry.workspace.seeds import read_seed
from tests.structure import ROOT

PARAMS = read_yaml(ROOT / "params.yaml")


def project_with(root: Path, **changes: Any) -> Path:
    """A project folder whose params.yaml has other values, `embed__layers=[1]` and the like."""
    params = copy.deepcopy(PARAMS)
    for name, value in changes.items():
        *sections, key = name.split("__")
        inner = params
        for section in sections:
            inner = inner[section]
        inner[key] = value
    if not (root / "catalogue").exists():
        (root / "catalogue").symlink_to(ROOT / "catalogue")
    with (root / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(params, file)
    return root


def errors_of(root: Path, **changes: Any) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        check_project(project_with(root, **changes))
    return str(caught.value).splitlines()


def test_the_shipped_parameters_are_valid() -> None:
    params = check_project()
    assert params.embed.layers == PARAMS["embed"]["layers"]


def test_no_parameter_has_a_name_that_the_run_cache_of_dvc_leaves_out() -> None:
    """It leaves out `size` and `nfiles` wherever they stand, and would answer with other values."""
    from dvc.utils import dict_sha256
    from dvc_data.hashfile.meta import Meta

    left_out = [Meta.PARAM_SIZE, Meta.PARAM_NFILES]
    keys = [dict_sha256({"params": {"a": {"size": n}}}, exclude=left_out) for n in (1, 2)]
    assert keys[0] == keys[1]

    def names(values: Any) -> set[str]:
        inner = values.values() if isinstance(values, dict) else ()
        return set(values if isinstance(values, dict) else ()).union(*map(names, inner))

    assert not names(PARAMS) & set(left_out)
    assert not names(Params.model_json_schema()) & set(left_out)


def test_every_error_is_told_at_once(tmp_path: Path) -> None:
    errors = errors_of(
        tmp_path,
        embed__layrs=[1],
        embed__max_length="long",
        data_prep__train="earlyspeeches",
        model__name="smollm",
        token_sample__points=50,
        token_sample__prepared=60,
        estimate__n_neighbors=[64],
        estimate__gride_range=0,
        aggregate__n_neighbors="last",
        finetune__checkpoints=[10, 999],
    )
    told = "\n".join(errors)
    assert "embed.layrs: unknown parameter; did you mean 'layers'?" in told
    assert "embed.max_length: 'long' is not valid: input should be a valid integer" in told
    assert "data_prep.train: 'earlyspeeches' is not in catalogue/corpora.yaml" in told
    assert "did you mean 'early-speeches'?" in told
    assert "model.name: 'smollm' is not in catalogue/models.yaml; did you mean 'smollm2'?" in told
    assert "estimate.n_neighbors: 64 must be above 2 and below token_sample.points = 50" in told
    assert len(errors) == 5  # the checkpoints need a valid section embed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"embed__layers": [12, 31]}, "embed.layers: smollm2 has no layer 31"),
        ({"embed__layers": [20, -32]}, "embed.layers: smollm2 has no layer -32"),
        ({"embed__layers": [20, 30, -1]}, "embed.layers: [20, 30, -1] names a layer twice"),
        ({"aggregate__layer": 99}, "aggregate.layer: 99 is not in embed.layers"),
        ({"aggregate__layer": 51}, "aggregate.layer: 51 is not in embed.layers"),  # 51 % 31 = 20
        ({"embed__layers": "all", "aggregate__layer": 31}, "aggregate.layer: 31 is not in"),
        ({"finetune__lora__layers": [3, 30]}, "finetune.lora.layers: smollm2 has no block 30"),
        ({"finetune__checkpoints": [10, 81]}, "finetune.checkpoints: [10, 81] must lie within"),
        (
            {"data_prep__context": 2},
            "data_prep.context: 2: finetune.task language_modelling learns from texts alone",
        ),
        (
            {
                "data_prep__context": 2,
                "finetune__task": "sequence_classification",
                "finetune__block_tokens": 96,
            },
            "embed.max_length: 64 cuts inputs elsewhere than training does",
        ),
        (
            {
                "data_prep__context": 2,
                "finetune__task": "sequence_classification",
                "finetune__block_tokens": 64,
                "embed__prefix_space": True,
            },
            "embed.prefix_space: true puts a space before texts and contexts, which training does",
        ),
        (
            {"finetune__checkpoints": [-5]},
            "finetune.checkpoints.0: -5 is not valid: a step from 1 on",
        ),
        (
            {"finetune__checkpoints": ["1 epoch", 0]},
            "finetune.checkpoints.1: 0 is not valid: a step from 1 on; base, step 0",
        ),
        ({"finetune__checkpoints": []}, "finetune.checkpoints: no step is listed"),
        ({"embed__checkpoints": [10, 7]}, "embed.checkpoints: 7 is not in finetune.checkpoints"),
        ({"aggregate__checkpoint": 11}, "aggregate.checkpoint: 11 is not among"),
        ({"finetune__task": "masked_lm"}, "finetune.task: 'masked_lm' does not fit smollm2"),
        ({"token_sample__seeds": [0, 1, 0]}, "token_sample.seeds: 0 is there twice"),
        ({"token_sample__seeds": [-1]}, "token_sample.seeds: -1 is not a whole number from 0"),
        ({"data_prep__evaluate": ["news", "news"]}, "data_prep.evaluate: news is there twice"),
        ({"estimate__n_neighbors": [64, 6000]}, "estimate.n_neighbors: 6000 must be above 2"),
        ({"estimate__n_neighbors": [0.0001, 64]}, "estimate.n_neighbors: 0.0001 must be above"),
        ({"aggregate__exclude": "token"}, "aggregate.exclude: token is not in ["),
        ({"estimate__n_neighbors": [64.5]}, "64.5 is neither a whole number nor a fraction"),
        ({"estimate__gride_range": 100}, "estimate.gride_range: 100 is not a power of 2"),
        ({"estimate__surrogates__kinds": ["gausian"]}, "did you mean 'gaussian'?"),
        ({"estimate__surrogates__kinds": 2 * ["gaussian"]}, "kinds: gaussian is there twice"),
        ({"data_prep__prompts__corpus": "news2"}, "data_prep.prompts.corpus: 'news2' is not in"),
        ({"data_prep__prompts__tokenizers": ["gpt2", "x"]}, "prompts.tokenizers.1: 'x' is not in"),
        ({"data_prep__prompts__tokens": 1000}, "tokens = 1000 is not divisible by 1024"),
        ({"embed__prompts__layers": [3, 31]}, "embed.prompts.layers: smollm2 has no layer 31"),
        (
            {"embed__prompts__layers": [30, -1]},
            "embed.prompts.layers: [30, -1] names a layer twice",
        ),
        ({"embed__prompts__checkpoints": [7]}, "embed.prompts.checkpoints: 7 is not in finetune"),
        ({"embed__prompts__gride_range": 100}, "embed.prompts.gride_range: 100 is not a power"),
        (
            {"embed__prompts__window": 385},
            "leaves 255 neighbours of the 1024 tokens of a prompt, and",
        ),
        ({"data_prep__context": -1}, "data_prep.context: -1 is not valid"),
        ({"data_prep__keep": {"speaker": 3}}, "data_prep.keep.speaker: 3 is not valid: input"),
        ({"data_prep__keep": "user"}, "data_prep.keep: 'user' is not valid: input should be 'all'"),
        ({"data_prep__keep": "labeled"}, "input should be {speaker: …}; did you mean 'labelled'?"),
        ({"embed__points": "atention"}, "be {module: …}; did you mean 'attention'?"),
        ({"embed__keep_tokens": 0}, "embed.keep_tokens: 0 must be 1 or more, or all"),
        ({"finetune__task": "dialogue_state"}, "dialogue_state reads the whole turn at its first"),
        ({"finetune__score": ["train"]}, "score: ['train']: each split once, and validation"),
        ({"finetune__score": ["dev", "validation"]}, "finetune.score.0: 'dev' is not valid"),
        ({"finetune__evaluation_sequences": 0}, "finetune.evaluation_sequences: 0 is not valid"),
        ({"finetune__neutral": "calm"}, "neutral: task language_modelling has no classes"),
        ({"finetune__class_weights": "balanced"}, "class_weights: task language_modelling has no"),
        ({"finetune__dialogue_state__none_weight": 0}, "dialogue_state.none_weight: 0 is not"),
        (
            {"finetune__dialogue_state__loss": {"classes": 0, "spans": 0, "refers": 0}},
            "something must count",
        ),
        ({"finetune__betas": [0.9, 1.0]}, "finetune.betas: [0.9, 1.0] must be 0 or more"),
        ({"finetune__learning_rate": float("inf")}, "learning_rate: inf is not valid"),
        ({"aggregate__clusters__seed": 2**32}, "aggregate.clusters.seed: 4294967296 is not a seed"),
        ({"seed": 2**32}, "seed: 4294967296 is not valid: a whole number from 0"),
        ({"seed": -1}, "seed: -1 is not valid: a whole number from 0"),
        ({"embd": {}}, "embd: unknown section; did you mean 'embed'?"),
        ({"embed": 5}, "params.yaml: embed: 5 is not valid"),
        ({"embed": 0}, "params.yaml: embed: 0 is not valid"),
        ({"estimate": False}, "params.yaml: estimate: False is not valid"),
        ({"data_prep": ""}, "params.yaml: data_prep: '' is not valid"),
        ({"model": []}, "params.yaml: model: [] is not valid"),
        ({"model__name": "file:no/such/folder"}, "model.name: there is no "),
    ],
)
def test_one_wrong_value_gives_one_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    errors = errors_of(tmp_path, **changes)
    assert any(sentence in error for error in errors), errors
    assert all(error.startswith("params.yaml: ") for error in errors)


def test_a_branch_of_a_union_of_sections_is_no_key(tmp_path: Path) -> None:
    assert errors_of(tmp_path, data_prep__keep={"speakers": "user"}) == [
        "params.yaml: data_prep.keep.speaker: is missing",
        "params.yaml: data_prep.keep.speakers: unknown parameter; did you mean 'speaker'?",
    ]


def test_prompts_of_one_split_are_not_possible_in_the_published_order(tmp_path: Path) -> None:
    (error,) = errors_of(tmp_path, data_prep__order="paper", data_prep__prompts__split="train")
    assert error.startswith("params.yaml: data_prep.prompts.split: 'train' is not possible with")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("al", ["embed.layers: 'al' is not valid: a list is needed", "did you mean 'all'?"]),
        ([1, "x"], ["embed.layers.1: 'x' is not valid: input should be a valid integer"]),
        ([1.5], ["embed.layers.0: 1.5 is not valid: "]),
        (True, ["embed.layers: True is not valid: "]),
        ({"from": 1}, ["embed.layers: {'from': 1} is not valid: "]),
    ],
)
def test_a_wrong_branch_of_a_union_is_one_sentence(
    tmp_path: Path, value: Any, wanted: list[str]
) -> None:
    errors = errors_of(tmp_path, embed__layers=value)
    assert len(errors) == 1
    assert all(text in errors[0] for text in wanted), errors


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- 1\n", "params.yaml: holds a list, not a mapping of names"),
        ("embed: [\n", "params.yaml: cannot be read"),
        ("embed: {layers: [1], layers: [2]}\n", 'found duplicate key "layers"'),
    ],
)
def test_a_file_that_is_no_mapping_is_told_without_a_traceback(
    tmp_path: Path, text: str, sentence: str
) -> None:
    project_with(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        check_project(tmp_path)
    assert sentence in str(caught.value)


def test_negative_layers_count_from_the_end(tmp_path: Path) -> None:
    changed = project_with(tmp_path, embed__layers=[-1, -31, 20], aggregate__layer=-11)
    assert check_project(changed).embed.layers == [-1, -31, 20]


def test_numbers_as_dvc_writes_them(tmp_path: Path) -> None:
    project_with(tmp_path)
    text = (ROOT / "params.yaml").read_text()
    assert "learning_rate: 1.0e-3" in text
    changed = text.replace("learning_rate: 1.0e-3", "learning_rate: 3e-05")
    (tmp_path / "params.yaml").write_text(changed)
    assert check_project(tmp_path).finetune.learning_rate == pytest.approx(3e-5, rel=1e-12)


def test_a_section_that_is_left_out_has_its_defaults(tmp_path: Path) -> None:
    project_with(tmp_path, embed=None)
    (tmp_path / "params.yaml").write_text("embed:\nmodel: {name: minilm}\n")
    assert Embed.read(tmp_path) == Embed.model_validate({})
    assert read_seed(tmp_path) == 0


def test_the_catalogue_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    corpora = (ROOT / "catalogue" / "corpora.yaml").read_text()
    models = (ROOT / "catalogue" / "models.yaml").read_text()
    (tmp_path / "catalogue" / "corpora.yaml").write_text(
        corpora + "\nBad.Name: {source: hub:a/b, reader: spech}\n"
    )
    (tmp_path / "catalogue" / "models.yaml").write_text(
        models + "\nnew-model: {source: hub:a/b, kind: decoder, layers: 0, width: 8, label: x}\n"
    )
    told = "\n".join(errors_of(tmp_path))
    assert "catalogue/corpora.yaml: Bad.Name: an alias has only a-z, 0-9 and -" in told
    assert "catalogue/corpora.yaml: Bad.Name.reader: 'spech' is not valid" in told
    assert "catalogue/models.yaml: new-model.layers: 0 is not valid" in told
    assert "catalogue/models.yaml: new-model.licence: is missing" in told


def test_a_stage_stops_at_once_and_touches_nothing(tmp_path: Path, copied_project: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "src").symlink_to(copied_project / "src")
    project_with(root, embed__layers=[99], model__nam="x")
    (root / "data").mkdir()
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from pathlib import Path\n"
        "from lm_geometry.params.check import check_or_exit\n"
        f"check_or_exit(Path({str(root)!r}))\n"
    )
    before = sorted(root.rglob("*"))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, env=environment
    )
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    assert done.returncode == 1
    assert "Nothing was run" in done.stderr
    assert "model.nam: unknown parameter; did you mean 'name'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert seconds < 1.5
    assert sorted(root.rglob("*")) == before


LANGUAGE = [name for name, entry in read_models().items() if entry.kind in ("encoder", "decoder")]


@pytest.mark.parametrize("name", LANGUAGE)
def test_the_name_of_any_model_is_the_only_override_that_it_needs(
    tmp_path: Path, name: str
) -> None:
    params = check_project(project_with(tmp_path, model__name=name))
    assert params.finetune.task == "language_modelling"


def test_the_line_of_a_corpus_may_name_its_columns(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"abstract": "x"}\n')
    (tmp_path / "mine.txt").write_text("x\n")
    line = f"file:{tmp_path}/mine.jsonl as mine, column=abstract, document_column=paper"
    params = check_project(project_with(tmp_path, data_prep__evaluate=[line]))
    assert params.data_prep.evaluate == [line]
    wrong = {
        f"file:{tmp_path}/mine.jsonl, colum=abstract": "colum is no column that a line names; did "
        "you mean 'column'?",
        f"file:{tmp_path}/mine.txt, column=abstract": "column is for the reader huggingface and ",
        f"file:{tmp_path}/mine.jsonl as Mine": "a name after `as` has only a-z, 0-9 and -",
    }
    for name, told in wrong.items():
        errors = errors_of(tmp_path, data_prep__evaluate=[name])
        assert any(told in error for error in errors), errors


@pytest.mark.parametrize("splits", ["validaton", ["validaton"], [], "none"])
def test_splits_are_a_list_or_auto(tmp_path: Path, splits: object) -> None:
    errors = errors_of(tmp_path, data_prep__splits=splits)
    assert len(errors) == 1
    assert errors[0].startswith("params.yaml: data_prep.splits")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"model__name": "/models/gpt2"},
            "model.name: '/models/gpt2': a path is written as file:/",
        ),
        ({"data_prep__evaluate": ["mine.jsonl"]}, "a path is written as file:mine.jsonl"),
        (
            {"data_prep__prompts__count": -1},
            "data_prep.prompts: count: -1 must be 0 or more, or all",
        ),
        (
            {"finetune": "none"},
            "finetune: 'none' is not valid: this is a section, whose parameters are set one by one",
        ),
    ],
)
def test_a_mistake_is_answered_in_one_short_line(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    (error,) = errors_of(tmp_path, **changes)
    assert told in error
    assert len(error) < 150
