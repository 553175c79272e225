"""What `measure` costs on one text file, all layers, and where its time goes: for `watching.py`.

The file is the beginning of the bundled speeches, joined. The bare pass reads the very batches that
`measure` makes of it, of all tokens; the other lines are whole calls, reading and table included.
"""

import cProfile
import pstats
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measured
import torch

HEAD = ("work", "tokens", "layers", "seconds", "of the bare pass")
SHARES = ("part of a call", "seconds", "share", "of the bare pass")
SHORTEST = 64  # tokens of a pass that reads texts
# Functions whose time is told, each with what it calls but for those that are told themselves.
PARTS = {
    "reading the file": ("texts.py", "read_texts"),
    "what the model does (probe)": ("opened.py", "_in_memory"),
    "sequences and tokens": ("estimates.py", "probe_of"),
    "forward pass, states kept": ("estimates.py", "states_of"),
    "massive tokens": ("estimates.py", "massive_of"),
    "which tokens make a cloud": ("run.py", "cloud_rows"),
    "neighbour graph": ("graph_of_cloud.py", "neighbour_graph"),
    "neighbours of other documents": ("filtered.py", "excluding"),
    "dimension, and without each group": ("without_groups.py", "local_without_groups"),
    "means and intervals": ("record.py", "table_of"),
    "flat equivalents": ("flat.py", "flat_equivalents"),
}


def text_of(kilobytes: int) -> Path:
    """A file of so many kB: the bundled speeches, one after the other."""
    from lm_geometry.measure.texts import read_texts

    text = "\n\n".join(read_texts("speeches")["text"])
    path = Path(tempfile.mkdtemp()) / "speeches.txt"
    path.write_bytes(text.encode()[: 1000 * kilobytes])
    return path


def batches_of(model: Any, run: Callable[[], Any]) -> list[dict[str, Any]]:
    """What the model's body is given in a call: tokens and mask of each forward pass."""
    given: list[dict[str, Any]] = []

    def noted(_: Any, __: Any, named: dict[str, Any]) -> None:
        ids = named.get("input_ids")
        if ids is not None and ids.numel() >= SHORTEST:  # not the probe's few tokens
            own = {"input_ids": ids.clone(), "attention_mask": named.get("attention_mask")}
            given.append({name: value for name, value in own.items() if value is not None})

    handle = model.base_model.register_forward_pre_hook(noted, with_kwargs=True)
    try:
        run()
    finally:
        handle.remove()
    return given


def bare(model: Any, batches: list[dict[str, Any]]) -> Callable[[], None]:
    """The body's forward passes alone."""

    def work() -> None:
        with torch.no_grad():
            for batch in batches:
                model.base_model(**batch)

    return work


def lines(
    name: str, model: Any, tokenizer: Any, kilobytes: int, threads: int
) -> tuple[list[list[str]], list[list[str]]]:
    """Lines of both tables: whole calls beside the bare pass, and the parts of one."""
    from lm_geometry import measure

    path = text_of(kilobytes)

    def call(**options: Any) -> Any:
        return measure(model, path, "all", tokenizer=tokenizer, **options)

    found: list[Any] = []
    batches = batches_of(model, lambda: found.append(call()))  # compiles, too
    read = [batch.get("attention_mask", torch.ones_like(batch["input_ids"])) for batch in batches]
    tokens = f"{sum(int(own.sum()) for own in read):,}"
    works: dict[str, Callable[[], Any]] = {
        "bare pass": bare(model, batches),
        "measure, all neighbours alone": lambda: call(exclude=["none"]),
        "measure, as it comes": call,
        "measure, jackknife=10": lambda: call(jackknife=10),
    }
    spent = measured.interleaved(works, 1, measured.clock_for(threads))
    usual = spent["bare pass"][0]
    layers = str(found[0].table["layer"].nunique())
    whole = [
        [f"{name}, {work}", tokens, layers, f"{own:.1f}", f"**{own / usual:.2f}**"]
        for work, (own, _) in spent.items()
    ]
    return whole, parts(lambda: call(jackknife=10), usual, measured.clock_for(threads))


def parts(call: Callable[[], Any], usual: float, clock: Callable[[], float]) -> list[list[str]]:
    """Lines of the table of parts: seconds, share of the call, and multiple of the bare pass."""
    profile = cProfile.Profile(clock)
    began = clock()
    profile.runcall(call)
    total = clock() - began
    stats: Any = pstats.Stats(profile)
    spent: dict[str, float] = {
        part: sum(
            own[3]
            for (file, _, function), own in stats.stats.items()
            if function == wanted and Path(file).name == module and "lm_geometry" in file
        )
        for part, (module, wanted) in PARTS.items()
    }
    spent["all else"] = total - sum(spent.values())
    return [
        [part, f"{own:.2f}", f"{own / total:.1%}", f"{own / usual:.2f}"]
        for part, own in spent.items()
    ]
