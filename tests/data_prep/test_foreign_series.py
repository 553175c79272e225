"""Checkpoints of other people's code: heads that transformers does not have, a body that it has."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.data_prep.series import resolve_series
from lm_geometry.data_prep.series_checks import check_steps
from lm_geometry.embed import run as embedding_run
from lm_geometry.finetune import run as training_run
from lm_geometry.finetune.params import Finetune
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import read_states
from lm_geometry.workspace.tables import read_table
from tests.conftest import TEXTS, TinyModel
from tests.finetune.test_run import prepare_training
from tests.tokenised_texts import prepare_corpora, settings_of

WEIGHTS = "model.safetensors"
NONE = Finetune.model_validate({"task": "none"})


def tokenizer() -> PreTrainedTokenizerFast:
    words = dict.fromkeys(word.strip(".,;") for text in TEXTS for word in text.split())
    named = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *words]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(named)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny RoBERTa with its tokenizer: the base of the run."""
    folder, own = tmp_path_factory.mktemp("roberta") / "base", tokenizer()
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = RobertaConfig(
        vocab_size=len(own), intermediate_size=48, max_position_embeddings=80, **sizes
    )
    RobertaForMaskedLM(config).save_pretrained(folder)
    own.save_pretrained(folder)
    return folder


def tracked(base: Path, folder: Path, scale: float, **others: torch.Tensor) -> Path:
    """A checkpoint as TripPy-R leaves it: body and heads of `RobertaForDST`, no tokenizer."""
    body = {n: scale * w for n, w in load_file(base / WEIGHTS).items() if "lm_head" not in n}
    heads = {f"class_att.{i}.weight": torch.ones(8, 32) for i in range(3)}
    heads["token_layer_norm.weight"] = torch.ones(32)
    pooler = {"roberta.pooler.dense.weight": torch.ones(32, 32)}
    folder.mkdir(parents=True)
    save_file(body | pooler | heads | others, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    own = {"architectures": ["RobertaForDST"], "slot_list": ["hotel-area"], "dst_dropout_rate": 0.3}
    (folder / "config.json").write_text(json.dumps(config | own))
    (folder / "training_args.bin").write_bytes(b"never opened")
    return folder


@pytest.fixture
def run(roberta: Path, tmp_path: Path) -> Path:
    for number in (1, 2):
        tracked(roberta, tmp_path / "results.40" / f"checkpoint-{1775 * number}", 1 + number / 10)
    return tmp_path / "results.40"


def with_series(base: Path, asked: list[str], added: int = 0) -> ModelSource:
    """What data-prep records of a model and its later states."""
    source = checked(resolve(Model.model_validate({"name": f"file:{base}"}), seed=0))
    later = resolve_series(asked, source.source, added)
    check_steps(source, later)
    return ModelSource(**source.record() | {"series": [vars(step) for step in later]})


def test_a_foreign_class_is_read_by_the_weights_of_its_body(
    project: Path, roberta: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = with_series(roberta, [f"file:{run}/checkpoint-*"])
    told = capsys.readouterr().out
    assert "checkpoint-1775 is a RobertaForDST, which transformers does not have: its roberta" in (
        told
    )
    assert "4 weights of its heads are not used, such as class_att.0.weight" in told
    prepare_training()
    prepare_corpora({"open": TEXTS})
    training_run.train(source, NONE)
    embedding_run.embed(source, settings_of(layers=["last"], loss=False), seed=0)
    ids = read_table(project / "data" / "tokens" / "open-test.parquet")
    first = ids[ids["sequence"] == 0]
    with torch.no_grad():
        for step, factor in (("1775", 1.1), ("3550", 1.2)):
            body: Any = AutoModel.from_pretrained(roberta, add_pooling_layer=False)
            for weight in body.parameters():
                weight.mul_(factor)
            inputs = torch.tensor([first["token_id"].tolist()])
            expected = body.eval()(inputs).last_hidden_state[0]
            found = torch.tensor(read_states(step, CorpusSplit("open", "test"), 2)[: len(first)])
            assert torch.allclose(found, expected, atol=1e-5)


def test_more_blocks_than_the_config_counts_are_no_heads(
    roberta: Path, run: Path, tmp_path: Path
) -> None:
    surplus = {"roberta.encoder.layer.2.output.dense.bias": torch.ones(32)}
    tracked(roberta, run / "checkpoint-7", 1.5, **surplus)
    with pytest.raises(SystemExit, match=r"layer\.2\.output\.dense\.bias.*is without a place"):
        with_series(roberta, [f"file:{run}/checkpoint-7"])
    bare = {"encoder.layer.2.output.dense.bias": torch.ones(32)}
    tracked(roberta, run / "checkpoint-8", 1.6, **bare)
    with pytest.raises(SystemExit, match=r"encoder\.layer\.2\.output\.dense\.bias.*a place"):
        with_series(roberta, [f"file:{run}/checkpoint-8"])


def test_a_body_that_is_not_whole_is_refused(roberta: Path, run: Path) -> None:
    folder = run / "checkpoint-1775"
    weights = load_file(folder / WEIGHTS)
    del weights["roberta.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(SystemExit, match=r"layer\.1\.output\.dense\.weight .*not in its files"):
        with_series(roberta, [f"file:{run}/checkpoint-*"])


def test_encoders_that_are_counted_from_0_begin_at_step_1(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    base = tiny_models["bert"].folder
    for epoch in range(2):
        model = BertModel.from_pretrained(base)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1 + (epoch + 1) / 10)
        model.save_pretrained(tmp_path / f"ckpt-{epoch}")
    asked = [f"file:{tmp_path}/ckpt-*"]
    assert list(with_series(base, asked, added=1).later()) == [1, 2]
    with pytest.raises(ValueError, match=r"ckpt-0 is of step 0: .*model\.added_steps to 1"):
        with_series(base, asked)
    known = Model.model_validate({"checkpoints": ["file:a/ckpt-0", "file:a/ckpt-4"]})
    assert known.known_steps() == [0, 4]
    assert known.model_copy(update={"added_steps": 1}).known_steps() == [1, 5]


def test_heads_of_a_known_class_are_judged_as_before(roberta: Path, tmp_path: Path) -> None:
    own = {"classifier.layers.0.weight": torch.ones(2, 32)}
    folder = tracked(roberta, tmp_path / "checkpoint-5", 1.3, **own)
    config = json.loads((folder / "config.json").read_text())
    known = config | {"architectures": ["RobertaForSequenceClassification"]}
    (folder / "config.json").write_text(json.dumps(known))
    with pytest.raises(SystemExit, match="without a place in the model of its config"):
        with_series(roberta, [f"file:{folder}"])
    shutil.rmtree(folder)
