"""Whether the revisions on the hub that a study compares are different models."""

from collections import defaultdict
from collections.abc import Sequence

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.models.hub_weights import hub_weights
from lm_geometry.models.local_files import SourceError
from lm_geometry.models.sources import parse

UNREACHED = ("cannot be reached", "HF_HUB_OFFLINE")  # in what is said of a hub that is not there


def refuse_same_weights(experiments: Sequence[Experiment]) -> None:
    """Raises ValueError where two revisions have the same weights, or one is missing.

    Asked of the hub's metadata, before anything is downloaded; where the hub cannot be reached
    that is left to data-prep.
    """
    names = dict.fromkeys(one.overrides.get("model.name") for one in experiments)
    revisions = [n for n in names if isinstance(n, str) and n.startswith("hub:") and "@" in n]
    errors, by_weights = [], defaultdict(list)
    for name in revisions:
        try:
            by_weights[hub_weights(parse(name)).content].append(name)
        except SourceError as error:
            if not any(words in str(error) for words in UNREACHED):
                errors.append(f"{name}: {error}")
    errors += [
        f"{', '.join(same)} have the same weights" for same in by_weights.values() if same[1:]
    ]
    if errors:
        raise ValueError("\n".join(f"model.name: {error}" for error in errors))
