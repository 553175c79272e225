"""Standard errors of scores over the documents that are scored."""

from collections.abc import Callable, Sequence

import numpy as np

from lm_geometry.finetune.tasks.task import Answer, Example
from lm_geometry.workspace.seeds import stream

GROUPS = 10  # of documents; each is left out in turn
Scored = Callable[[Sequence[Answer], Sequence[Example]], dict[str, float]]


def score_errors(
    answers: Sequence[Answer], examples: Sequence[Example], scored: Scored
) -> dict[str, float]:
    """The standard error of each score that `scored` gives: a jackknife over groups of documents.

    One of at most ten groups is left out at a time; the error is that of the documents that were
    drawn, for the model as it is. Of G groups and θ₍₋g₎ without group g its square is
    (G − 1)/G · Σ_g (θ₍₋g₎ − their mean)² (Shao & Tu 1995, §5.4). Nothing where examples are of no
    document, or of one alone.
    """
    names = sorted({example.document for example in examples})
    groups = min(GROUPS, len(names))
    if groups < 2:
        return {}
    dealt = np.arange(len(names)) % groups
    stream(0, "score errors").shuffle(dealt)
    group = dict(zip(names, dealt.tolist(), strict=True))
    without: list[dict[str, float]] = []
    for one in range(groups):
        kept = [place for place, own in enumerate(examples) if group[own.document] != one]
        if not sum(answers[place].targets for place in kept):
            return {}
        without.append(scored([answers[at] for at in kept], [examples[at] for at in kept]))
    return {
        name: float(np.sqrt((groups - 1) * np.var([scores[name] for scores in without])))
        for name in without[0]
    }
