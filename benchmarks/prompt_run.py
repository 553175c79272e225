"""One prompt through a model: its geometry beside the forward pass, and the memory, in Markdown.

    python benchmarks/prompt_run.py [--model smollm2] [--tokens 1024] [--repeat 3] [--threads 1]

*forward*: the blocks alone, all hidden states kept. *loss*: the head on every token. *geometry*:
every layer reduced to radii, neighbours, cosines and angles where it is. *record*: all three, as
embed does it. Random token numbers; with one thread on a CPU, times are processor seconds. Memory
is that of the whole process, the model with it; on a GPU that of the GPU.
"""

import argparse
from typing import Any

import measured
import numpy as np

HEAD = ("model", "layers", "tokens", "work", "seconds", "of the forward pass", "peak memory MB")


def rows(arguments: argparse.Namespace) -> list[list[str]]:
    """A line of the table for each kind of work."""
    import torch

    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import Model
    from lm_geometry.embed.forward_pass import ForwardPass, predicts_next
    from lm_geometry.embed.params import PromptStates
    from lm_geometry.embed.placement import load_placed
    from lm_geometry.embed.prompts import layer_geometry
    from lm_geometry.embed.prompts.record import prompt_record
    from lm_geometry.embed.token_loss import token_losses
    from lm_geometry.workspace import machine

    device, _ = machine.device()
    torch.set_num_threads(arguments.threads)
    source = resolve(Model.model_validate({"name": arguments.model}), seed=0)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    model = load_placed(source, None, device, dtype)
    layers = list(range(source.layers + 1))
    states = ForwardPass(model, device, dtype, 0, layers)
    chosen, loss = PromptStates.model_validate({}), predicts_next(source, states)
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size, arguments.tokens)

    def timed(work: measured.Work) -> measured.Work:
        def done() -> Any:
            found = work()
            if device == "cuda":
                torch.cuda.synchronize()
            return found

        return done

    (passed,) = states.run([ids.tolist()])
    works = {
        "forward": timed(lambda: list(states.run([ids.tolist()]))),
        "loss": timed(lambda: token_losses(model, passed.last[0, :-1], ids[1:])),
        "geometry": timed(lambda: [layer_geometry(x[0].float()) for x in passed.layers]),
        "record": timed(lambda: prompt_record(states, ids, chosen, loss)),
    }
    works["record"]()  # compiles
    clock = measured.clock_for(0 if device == "cuda" else arguments.threads)
    found = measured.interleaved(works, arguments.repeat, clock)
    forward, lines = found["forward"][0], []
    for name, work in works.items():
        memory = _peak(work, device)
        cell = [arguments.model, str(len(layers)), str(arguments.tokens), name]
        lines.append([*cell, f"{found[name][0]:.3f}", f"{found[name][0] / forward:.0%}", memory])
    return lines


def _peak(work: measured.Work, device: str) -> str:
    if device != "cuda":
        return f"{measured.peak_memory(work)[0]:.0f}"
    import torch

    torch.cuda.reset_peak_memory_stats()
    work()
    return f"{torch.cuda.max_memory_allocated() / 2**20:.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    lines = rows(arguments)
    print(f"{measured.hardware()}, {arguments.threads} threads\n")
    print(measured.table(HEAD, lines))


if __name__ == "__main__":
    main()
