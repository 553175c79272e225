"""Dialogue state: what each user turn does to every slot, as TripPy (Heck et al. 2020) has it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks import slot_outputs
from lm_geometry.finetune.tasks.classification import padded, with_contexts
from lm_geometry.finetune.tasks.dialogue_turns import (
    Ontology,
    UserTurn,
    by_dialogue,
    dialogue_columns,
    known_slots,
    tracked_states,
    user_turns,
)
from lm_geometry.finetune.tasks.f1 import f1
from lm_geometry.finetune.tasks.slot_outputs import END, KIND, REFERRED, START, UNUSED
from lm_geometry.finetune.tasks.task import Answer, Example, Predictions, Task
from lm_geometry.models.text_and_context import Span, encode
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.point_cloud.shapes import Float, Int64
from lm_geometry.state_tracking.joint_goal import joint_goal
from lm_geometry.state_tracking.labels import KINDS, SlotLabel
from lm_geometry.state_tracking.values import boolean


@dataclass(frozen=True)
class TurnExample(Example):
    """A user turn; `offsets` are the characters of its text's tokens, (0, 0) of other tokens.

    `labels`: first and last token of the text, then class, start, end, referred slot of each slot.
    """

    said: UserTurn | None = None
    offsets: tuple[Span, ...] = ()


class DialogueState(Task):
    """The class of every slot in a user turn, the span of copied values, the slot referred to.

    Heads are linear maps of one output layer: classes and referred slots at the first token, starts
    and ends at the tokens of the user's text. Published trackers let slot descriptions, encoded by
    the same model in every step, attend to the turn; that is left out. `parts` are the splits of
    the corpus, that which is learned from first.
    """

    model_class: ClassVar[str] = "AutoModelForTokenClassification"

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        settings: Finetune,
        ontology: Ontology,
        *parts: Columns,
    ) -> None:
        super().__init__(tokenizer, settings)
        own = [dialogue_columns(columns, settings) for columns in parts]
        self.ontology = known_slots(settings, ontology, *own)
        self.slots = list(self.ontology)
        self.booleans = frozenset(s for s, values in self.ontology.items() if boolean(values))
        self.labels = slot_outputs.output_names(self.slots)
        self.kind_weights = slot_outputs.kind_weights(settings.dialogue_state)
        if not tokenizer.is_fast:
            raise ValueError(
                "finetune.task: dialogue_state needs a tokenizer that tells the place of its "
                f"tokens in the text (a fast one), and {type(tokenizer).__name__} does not"
            )

    def training_examples(self, columns: Columns) -> list[Example]:
        turns = list(user_turns(dialogue_columns(columns, self.settings), self.ontology))
        texts, rows = [said.turn.text for said in turns], [said.row for said in turns]
        contexts = [columns["context"][row] for row in rows] if "context" in columns else None
        found = with_contexts(texts, contexts, self)
        if found is None:
            alone: list[list[str]] = [[] for _ in texts]
            limit = self.settings.block_tokens
            found = encode(self.tokenizer, texts, alone, limit, self.context_first)
        number = {slot: place for place, slot in enumerate(self.slots)}
        return [
            TurnExample(
                ids,
                turn_numbers(said.labels, number, offsets, of_text),
                document=said.dialogue,
                said=said,
                offsets=tuple(map(tuple, offsets)),
            )
            for said, ids, offsets, of_text in zip(
                turns, found.input_ids, found.offsets, found.of_text, strict=True
            )
        ]

    def held_out_examples(self, columns: Columns) -> list[Example]:
        return self.training_examples(columns)

    def batch(self, examples: list[Example]) -> dict[str, Tensor]:
        labels = torch.tensor([example.labels for example in examples])
        return padded(examples, self.tokenizer) | {"labels": labels}

    def loss(
        self,
        logits: Float[Tensor, "batch tokens outputs"],
        labels: Int64[Tensor, "batch numbers"],
        items: Tensor | int | None,
    ) -> Float[Tensor, ""]:
        """The weighted parts, summed over slots; the mean over the turns of the optimiser step."""
        _, parts = self._read(logits, labels)
        turns = len(labels) if items is None else items / labels.shape[1]
        return self._weighted(parts).sum() / turns

    def answers(
        self,
        logits: Float[Tensor, "batch tokens outputs"],
        labels: Int64[Tensor, "batch numbers"],
    ) -> Iterator[Answer]:
        """Class, span and referred slot of every slot `[slots, 4]`; a turn is one target."""
        found, parts = self._read(logits, labels)
        sums = {"loss": self._weighted(parts)} | parts
        values = {name: one.double().cpu().tolist() for name, one in sums.items()}
        predicted = slot_outputs.most_likely(found).cpu().numpy()
        gold = slot_outputs.labels_of(labels).slots.cpu().numpy()
        for row in range(len(labels)):
            own = {name: one[row] for name, one in values.items()}
            yield Answer(predicted[row], gold[row], 1, own)

    def scores(self, predictions: Predictions) -> dict[str, float]:
        """Joint goal and slot accuracy, those of the gold labels as a bound, F1 of the classes.

        `class_f1` is macro over the classes that occur, but none. Raises ValueError where turns of
        a dialogue are missing.
        """
        examples = [one for one in predictions.examples if isinstance(one, TurnExample)]
        turns = [one.said for one in examples if one.said is not None]
        dialogues, gold = by_dialogue(turns), [said.turn.state for said in turns]
        lenient = self.settings.dialogue_state.lenient
        said = [
            self._labels(numbers, one)
            for numbers, one in zip(predictions.predicted, examples, strict=True)
        ]
        right = [said.labels for said in turns]
        found, bound = (
            joint_goal(
                tracked_states(turns, dialogues, labels, self.booleans), gold, self.slots, lenient
            )
            for labels in (said, right)
        )
        kinds = (
            np.concatenate([numbers[:, KIND] for numbers in part])
            for part in (predictions.gold, predictions.predicted)
        )
        return {
            "loss": predictions.loss,
            **predictions.parts,
            "joint_goal_accuracy": found.joint_goal_accuracy,
            "slot_accuracy": found.slot_accuracy,
            "oracle_joint_goal": bound.joint_goal_accuracy,
            "class_f1": f1(*kinds, "macro", without=KINDS.index("none")),
        }

    def _read(
        self, logits: Tensor, labels: Tensor
    ) -> tuple[slot_outputs.SlotLogits, dict[str, Tensor]]:
        wanted = slot_outputs.labels_of(labels)
        found = slot_outputs.logits_of(logits, wanted.text, len(self.slots))
        return found, slot_outputs.losses(found, wanted, self.kind_weights)

    def _weighted(self, parts: Mapping[str, Tensor]) -> Tensor:
        weights = self.settings.dialogue_state.loss
        return (
            weights.classes * parts["loss_class"]
            + weights.spans * parts["loss_span"]
            + weights.refers * parts["loss_refer"]
        )

    def _labels(
        self, numbers: Int64[np.ndarray, "slots 4"], example: TurnExample
    ) -> dict[str, SlotLabel]:
        """The labels that the numbers of a turn stand for, of slots that are not none."""
        found: dict[str, SlotLabel] = {}
        for slot, (kind, start, end, referred) in zip(self.slots, numbers.tolist(), strict=True):
            if kind != KINDS.index("none"):
                span = example.offsets[start][0], example.offsets[end][1]
                found[slot] = SlotLabel(KINDS[kind], span, self.slots[referred])
        return found


def turn_numbers(
    labels: Mapping[str, SlotLabel],
    number: Mapping[str, int],
    offsets: list[Span],
    of_text: list[bool],
) -> list[int]:
    """First and last token of the text, then class, start, end and referred slot of each slot.

    What is not there is `UNUSED`: a text, or a span, of which no token is left.
    """
    places = [place for place, own in enumerate(of_text) if own]
    found = [places[0], places[-1]] if places else [UNUSED, UNUSED]
    for slot in number:
        label, numbers = labels[slot], [UNUSED] * 4
        numbers[KIND] = KINDS.index(label.kind)
        if label.kind == "copy_value" and label.span:
            first, last = label.span
            own = [p for p in places if offsets[p][0] < last and offsets[p][1] > first]
            numbers[START], numbers[END] = (own[0], own[-1]) if own else (UNUSED, UNUSED)
        if label.kind == "refer" and label.referred is not None:
            numbers[REFERRED] = number.get(label.referred, UNUSED)
        found += numbers
    return found
