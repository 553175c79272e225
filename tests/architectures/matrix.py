"""A small random model of every architecture that transformers has, taken through the pipeline.

The architectures are transformers' own lists: one that it adds tomorrow is tried without an edit.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast
from transformers.models.auto import configuration_auto, modeling_auto

from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.embed.forward_pass import check_sizes
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.models.facts import NotReadError, class_with_head, kind_of
from lm_geometry.models.load import load_model
from lm_geometry.models.probe import Findings
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.models.small import VOCABULARY, small_model
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import paths

BLOCKS = 3
LENGTHS = (9, 4, 14, 1, 6)
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
WORDS = [*SPECIAL, *(f"word{number}" for number in range(VOCABULARY - len(SPECIAL)))]


@dataclass(frozen=True)
class Case:
    """One architecture by its type, and which half of it is read."""

    kind: str
    half: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind} ({self.half})" if self.half else self.kind


@dataclass(frozen=True)
class Read:
    """An architecture that is read; `source` is a saved model of it, as data-prep resolved it.

    `computed` are states `[layers, tokens, width]` and losses `[tokens]` of the embed stage.
    """

    source: ModelSource
    states: HiddenStates
    computed: tuple[np.ndarray, np.ndarray]

    @property
    def model(self) -> Any:
        return self.states.model

    @property
    def findings(self) -> Findings:
        return self.states.findings


def cases() -> list[Case]:
    """Every architecture that transformers lists as a language model, of images and texts too."""
    listed = {
        *modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    }
    return [case for kind in sorted(listed) for case in _halves(kind)]


def _halves(kind: str) -> list[Case]:
    both = kind in modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    try:
        both = both and kind_of(config_of(kind), kind) == "encoder-decoder"
    except Exception:  # which `read` tells
        return [Case(kind)]
    return [Case(kind, "encoder"), Case(kind, "decoder")] if both else [Case(kind)]


def config_of(kind: str) -> Any:
    """The config that transformers gives an architecture by default."""
    with quiet_loading():
        return configuration_auto.CONFIG_MAPPING[kind]()


def read(case: Case, folder: Path) -> Read:
    """A small model of the architecture, saved, resolved by data-prep, loaded and probed again.

    Raises NotReadError where the pipeline does not read it, or none can be drawn to find out.
    """
    try:
        config = config_of(case.kind)
        torch.manual_seed(0)
        head = class_with_head(kind_of(config, case.kind), config)
        model: Any = small_model(config, head, BLOCKS)
    except NotReadError:
        raise
    except Exception as error:
        raise NotReadError(str(error).splitlines()[0]) from None
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2 and weight.requires_grad and "norm" not in name.lower():
                weight.mul_(3.0)  # so that blocks change their input
                if not weight.any():  # routers that begin with every expert alike
                    weight.normal_(0, 0.1)
    with quiet_loading():
        model.save_pretrained(folder)
    embeddings = model.get_input_embeddings()  # Perceiver's are of no tokens
    tokenizer(len(getattr(embeddings, "weight", embeddings))).save_pretrained(folder)
    wanted = Model.model_validate({"name": f"file:{folder}", "half": case.half or None})
    try:
        source = checked(resolve(wanted, seed=0))
    except SystemExit as error:
        raise NotReadError(str(error)) from None
    loaded = load_model(source)
    assert_same_weights(loaded, model)
    layers = list(range(source.layers + 1))
    try:
        states = HiddenStates(loaded, "cpu", torch.float32, 1, layers, source.half)
    except ValueError as error:
        raise NotReadError(str(error)) from None
    check_sizes(source, states)
    return Read(source, states, computed(source, states))


def tokenizer(known: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A tokenizer of words, with every special token that a task may ask for."""
    words = {word: n for n, word in enumerate(WORDS[:known])}
    made = Tokenizer(models.WordLevel(words, "<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [(name, WORDS.index(name)) for name in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    names = dict(zip(("bos", "pad", "eos", "unk", "mask"), SPECIAL, strict=True))
    given = {f"{role}_token": token for role, token in names.items()}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=60, **given)


def texts(count: int) -> list[str]:
    """Texts of words that the tokenizer has."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(5, 20, count)
    return [" ".join(generator.choice(WORDS[len(SPECIAL) :], length)) for length in lengths]


def sequences(model: Any) -> list[list[int]]:
    """Token ids of ordinary tokens, of several lengths."""
    known = min(VOCABULARY, len(model.get_input_embeddings().weight))
    generator = np.random.default_rng(1)
    return [generator.integers(10, known, length).tolist() for length in LENGTHS]


def computed(source: ModelSource, run: HiddenStates) -> tuple[np.ndarray, np.ndarray]:
    """States and losses as the embed stage has them, of all sequences in one batch."""
    ids = sequences(run.model)
    rows = [(n, p, token) for n, one in enumerate(ids) for p, token in enumerate(one)]
    kept = pd.DataFrame(rows, columns=["sequence", "position", "token_id"])
    layers = run.layers
    states = np.full((len(layers), len(rows), source.width), np.nan, dtype=np.float32)
    arrays: Any = {paths.layer_file(layer): states[layer] for layer in layers}
    losses = np.full(len(rows), np.nan, dtype=np.float32)
    settings = Embed.model_validate({"keep_tokens": "all", "batch_tokens": 1000})
    run.write(TokenisedCorpus(ids, kept), settings, arrays, losses, "test")
    return states, losses


def padding_leaks(found: Read) -> bool:
    """Whether padding changes states of the run, and in float64, where rounding is no matter.

    In float32 rounding errors of some models come close to what counts as a change, so that it
    would be the machine's answer.
    """
    run = found.states
    if not run.findings.padding_leaks:
        return False
    try:
        exact = HiddenStates(
            copy.deepcopy(run.model).double(), "cpu", torch.float64, 1, run.layers, run.half
        )
        list(exact.run(sequences(run.model)))
    except (RuntimeError, ValueError):  # a class that computes in float32 alone
        return True
    return exact.findings.padding_leaks


def assert_same_weights(one: Any, other: Any) -> None:
    ours, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        assert torch.equal(weight, theirs[name]), name


def read_or_not(case: Case, folder: Path) -> Read | str:
    """What is read of the architecture, or why it is not."""
    try:
        return read(case, folder)
    except NotReadError as error:
        told = str(error).replace(f"file:{folder}", "it")
        told = told.replace(f"{folder.name} cannot be read: ", "")
        return " ".join(told.split()).replace("|", "/").removeprefix("model.name: ")[:160].strip()


def answers(case: Case, given: Read | str) -> Iterator[str]:
    """The cells of the architecture's row of docs/architectures.md."""
    yield f"`{case.name}`"
    if isinstance(given, str):
        drawn = "no small" not in given and "rror for validator" not in given
        yield from ("no" if drawn else "not tried", "", "", "", "", given)
        return
    found = given.findings
    yield "yes"
    yield "both sides" if found.sees_right else "left"
    yield "one at a time" if padding_leaks(given) else "padded"
    yield "embeddings" if found.embeddings_first else "after more"
    yield "after a norm" if found.last_after_norm else "of the block"
    yield found.losses + (f": {found.no_losses}" if found.no_losses else "")
