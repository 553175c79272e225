"""What was measured on this machine, as the calibration hands it over."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CloudRates:
    """Seconds of one made-up cloud of `points` points, part by part.

    They are measured at fewer points than the run has where more would take too long.
    """

    points: int
    list_length: int  # neighbours in the lists of the graph
    graph: float  # its neighbours
    graph_pairs: float  # the part of them that grows with the number of pairs
    readings: float  # estimates of all readings from the graph, lPCA apart
    lpca_tokens: int
    lpca: float
    signals: float
    surrogate: float  # drawing another cloud, and what is estimated on it, its graph apart
    table_bytes: int  # of what is written of it
    aggregated: float  # means of all its estimates, and their changes since base
    first: float  # beside: loading the compiled loops, once


@dataclass(frozen=True)
class Rates:
    """Seconds and bytes, each of one thing that a run does many times."""

    seconds: float  # of clock that measuring took
    layers: int  # blocks of the model
    width: int
    starts: dict[str, float]  # of the process of a stage, by its name
    load: float  # of the model, with the probe of what it does
    token: float  # in a forward pass of embed, its loss included where that is asked for
    trained_token: float  # forward, backward, and its share of the step
    prompt_token: float
    prompt_layer: float  # one layer of one prompt, reduced
    written: float  # a byte that is written and hashed
    clouds: CloudRates
    figures: float  # all of them
    checkpoint_bytes: int
    start_memory: int  # of a process with its libraries
    model_memory: int  # with the model
    training_memory: int  # with a step of training beside it; 0 where nothing is trained
