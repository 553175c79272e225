"""Tiny models of three architectures with real tokenizers, and a project folder to work in."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["LM_GEOMETRY_DEVICE"] = "cpu"  # byte for byte the same results are promised there
os.environ["LM_GEOMETRY_COSTS"] = "never"  # which takes as long as a test may
os.environ["LM_GEOMETRY_THREADS"] = "1"

from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from tests.structure import ROOT, STAGES

# A job in the background of a shell ignores Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes is no fact.
settings.register_profile("facts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("facts")

WIDTH = 32
TEXTS = [
    "The senate met in the morning, and the president of the senate spoke.",
    "Rivers carry sand and clay to the sea; the sea carries them away.",
    "A good measure of a cloud of points is how many directions it needs.",
    "We the people of the river met the people of the sea.",
    "Sand.",
    "The cloud moved over the sea in the morning and over the sand in the evening, and then it "
    "moved back over the river to the place from which the people of the morning had come.",
    "Points of the senate, points of the people, points of a cloud.",
    "In the evening the president measured the sand and the clay.",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no process ends long after the other."""
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)


@dataclass(frozen=True)
class TinyModel:
    """A model of random weights in Hugging Face layout."""

    folder: Path
    source: ModelSource


def _byte_level(specials: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def _word_pieces() -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=150, special_tokens=specials, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def _llama() -> tuple[Any, Any]:
    from tokenizers import processors
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokens = _byte_level(["<s>", "</s>"])
    tokens.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokens, bos_token="<s>", eos_token="</s>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config), tokenizer


def _gpt2() -> tuple[Any, Any]:
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    end = "<|endoftext|>"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_byte_level([end]), bos_token=end, eos_token=end
    )
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=WIDTH,
        n_layer=2,
        n_head=4,
        n_positions=256,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config), tokenizer


def _bert() -> tuple[Any, Any]:
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_word_pieces(),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=256,
        initializer_range=0.3,
    )
    return BertForMaskedLM(config), tokenizer


MODELS: dict[str, tuple[Callable[[], tuple[Any, Any]], str, int]] = {
    "llama": (_llama, "decoder", 3),
    "gpt2": (_gpt2, "decoder", 2),
    "bert": (_bert, "encoder", 2),
}


def saved_model(name: str, folder: Path) -> Path:
    """The folder, with one of the models in it."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, tokenizer = MODELS[name][0]()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TinyModel]:
    """A Llama-like and a GPT-2 decoder and a BERT encoder, of width 32, saved to disk."""
    found = {}
    for name, (_, kind, layers) in MODELS.items():
        folder = saved_model(name, tmp_path_factory.mktemp("models") / name)
        source = ModelSource(
            name, name, f"file:{folder}", kind, layers, WIDTH, weights="pretrained", seed=0
        )
        found[name] = TinyModel(folder, source)
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project: every path of the package points into it, and its code is a link."""
    modules = [f"{stage}.run" for stage in STAGES]
    modules += ["data_prep.prompts.run", "embed.prompts.run", "estimate.prompts"]
    modules += ["token_sample.prompts"]
    for name in modules:
        import_module(f"lm_geometry.{name}")
    root = tmp_path / "project"
    root.mkdir()
    shutil.copy(ROOT / "dvc.yaml", root)
    shutil.copytree(ROOT / "catalogue", root / "catalogue")
    for folder in ("src", "stages"):
        (root / folder).symlink_to(ROOT / folder)
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "lm_geometry":
            for attribute, value in list(vars(module).items()):
                if (name, attribute) == ("lm_geometry.workspace.faults", "OURS"):
                    continue  # where an error was raised is told by the code's own place
                if isinstance(value, Path) and value.is_relative_to(ROOT):
                    moved = root / value.relative_to(ROOT)
                    monkeypatch.setattr(module, attribute, moved)
    monkeypatch.setattr(machine, "private_texts", lambda: root / "private")
    return root


@pytest.fixture(scope="session")
def copied_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, the catalogue and params.yaml, for processes of their own."""
    root = tmp_path_factory.mktemp("copied")
    for folder in ("src", "catalogue"):
        ignored = shutil.ignore_patterns("__pycache__", "*.nb?", "*.egg-info")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for file in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / file, root)
    return root
