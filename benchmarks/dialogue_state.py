"""A training step of dialogue_state against one of token classification, in Markdown.

    python benchmarks/dialogue_state.py [--slots 30] [--texts 16] [--tokens 64] [--threads 1]

Both train the same encoder (untrained, 6 x 384, as large as minilm) on the same tokens, whole: a
forward pass, the task's own loss, a backward pass, a step of AdamW. They take turns in one process.
With one thread, times are processor seconds. Then the joint goal of dialogues that are made up, as
many user turns as both MultiWOZ test sets have, and how long their labels and states take.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

import measured
import numpy as np

HEAD = ("training step", "outputs", "seconds", "ratio")
VALUES = ("cheap", "moderate", "north", "south", "4", "17:15", "acorn guest house")


def encoder(outputs: int) -> Any:
    """An untrained classifier of tokens, as large as minilm, which is trained whole."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12}
    names = {number: str(number) for number in range(outputs)}
    config = BertConfig(**sizes, intermediate_size=1536, id2label=names)
    return BertForTokenClassification(config).train()


def step(model: Any, batch: dict[str, Any], loss: Callable[..., Any]) -> Callable[[], float]:
    """A training step, which returns its loss."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)
    given = {name: value for name, value in batch.items() if name != "labels"}

    def work() -> float:
        optimiser.zero_grad()
        found = loss(model(**given).logits, batch["labels"], None)
        found.backward()
        optimiser.step()
        return float(found.detach())

    return work


def dialogues(turns: int, slots: list[str], seed: int = 0) -> dict[str, list[Any]]:
    """Columns of made-up dialogues of eight user turns, each of which says a new value."""
    generator = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    state: dict[str, str] = {}
    for turn in range(turns):
        state = {} if turn % 8 == 0 else state
        value = str(generator.choice(VALUES))
        after = state | {str(generator.choice(slots)): value}
        said = f"I would like something else , at {value} if you can , please ."
        given = json.dumps(after), json.dumps(state), json.dumps({slots[0]: value}), "[]"
        rows.append((said, str(turn // 8), turn % 8, *given))
        state = after
    names = ("text", "document", "turn", "state", "state_before", "informed", "requested")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def tasks(slots: list[str]) -> tuple[Any, Any]:
    """Both tasks with a tokenizer of the words that are said."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from lm_geometry.finetune.params import Finetune
    from lm_geometry.finetune.tasks.dialogue_state import DialogueState
    from lm_geometry.finetune.tasks.token_classification import TokenClassification

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", sep_token="[SEP]"
    )
    columns: Any = dialogues(8, slots)
    ontology: dict[str, list[str]] = {slot: [] for slot in slots}
    state = Finetune.model_validate({"task": "dialogue_state"})
    tags: Any = {"text": ["a"], "words": [["a"]]}
    tags["tags"] = [["O", *(f"{mark}-{slot}" for slot in slots for mark in "BI")]]
    token = Finetune.model_validate({"task": "token_classification"})
    made = DialogueState(tokenizer, state, ontology, columns)
    return made, TokenClassification(tokenizer, token, tags)


def steps(slots: list[str], texts: int, tokens: int, repeat: int, threads: int) -> list[list[str]]:
    """Lines of the table: seconds of a step of each task on the same tokens."""
    import torch

    state, token = tasks(slots)
    ids = torch.randint(5, 30_000, (texts, tokens), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    own = torch.full((texts, len(slots), 4), -1)
    own[..., 0] = 0
    own[:, :2, 0] = 2  # two values are copied
    own[:, :2, 1:3] = torch.tensor([3, 4])
    ranges = torch.tensor([[1, tokens // 2]] * texts)
    labels = torch.cat([ranges, own.flatten(1)], dim=1)
    tags = torch.zeros_like(ids)
    works = {
        "token_classification": step(
            encoder(len(token.labels)), batch | {"labels": tags}, token.loss
        ),
        "dialogue_state": step(encoder(len(state.labels)), batch | {"labels": labels}, state.loss),
    }
    for work in works.values():
        work()  # allocates the optimiser's moments
    found = measured.interleaved(works, repeat, measured.clock_for(threads))
    usual = found["token_classification"][0]
    outputs = {"token_classification": len(token.labels), "dialogue_state": len(state.labels)}
    return [
        [name, f"{outputs[name]:,}", f"{seconds:.3f}", f"**{seconds / usual:.2f}**"]
        for name, (seconds, _) in found.items()
    ]


def goals(turns: int, slots: list[str], threads: int) -> str:
    """A line on how long labels, states and the joint goal of so many user turns take."""
    from lm_geometry.finetune.tasks.dialogue_turns import by_dialogue, tracked_states, user_turns
    from lm_geometry.state_tracking.joint_goal import joint_goal

    columns: Any = dialogues(turns, slots)
    clock = measured.clock_for(threads)
    labelled, said = measured.seconds(
        lambda: list(user_turns(columns, {slot: [] for slot in slots})), 1, clock
    )

    def scored() -> float:
        labels = [own.labels for own in said]
        found = tracked_states(said, by_dialogue(said), labels, frozenset())
        gold = [own.turn.state for own in said]
        return joint_goal(found, gold, slots).joint_goal_accuracy

    seconds, accuracy = measured.seconds(scored, 1, clock)
    return (
        f"Joint goal of {turns:,} user turns and {len(slots)} slots: labels {labelled:.2f} s, "
        f"states and joint goal {seconds:.2f} s (accuracy {accuracy:.3f})."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=30)
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--turns", type=int, default=14_737)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    slots = [f"domain{number % 5}-slot {number}" for number in range(asked.slots)]
    rows = steps(slots, asked.texts, asked.tokens, asked.repeat, asked.threads)
    print(f"{measured.hardware()}; {measured.versions('torch', 'transformers')}.\n")
    print(f"{asked.texts} texts of {asked.tokens} tokens, {asked.threads} threads, float32.\n")
    print(measured.table(HEAD, rows))
    print(f"\n{goals(asked.turns, slots, asked.threads)}")


if __name__ == "__main__":
    main()
