"""Compiles what a first command needs: `python -m lm_geometry.experiments.first_calls`.

`make setup` runs it, so that nobody waits for a compiler in front of a first result: Python's own
compiles 13 seconds of libraries, which each stage would do anew where no bytecode may be written
later, as in many containers.
"""

import importlib
import pkgutil

import numpy as np

import lm_geometry
from lm_geometry import gride, local_dimension
from lm_geometry.embed.params import PromptStates
from lm_geometry.embed.prompts.reduce import layer_geometry
from lm_geometry.experiments.costs.cloud_rates import load_loops
from lm_geometry.experiments.experiment import Project
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.neighbours.blocked import WHOLE
from lm_geometry.observables.overlap import overlap_from_indices
from lm_geometry.observables.persistent_homology import persistent_homology_dimension
from lm_geometry.observables.reciprocity import reciprocity_from_indices
from lm_geometry.params.sections import Params
from lm_geometry.statistics.correlation import clustered_correlations, resamples

POINTS, WIDTH, LENGTH = 300, 16, 20  # tokens, numbers of each, tokens of a document
# What ours import when they are called: DVC's commands, backends of figures, the bundled models.
LATER = (
    "dvc.cli.parser",
    "dvc.repo.experiments.queue.celery",
    "dvc.repo.experiments.queue.tempdir",
    "dvc.repo.reproduce",
    "matplotlib.backends.backend_svg",
    "networkx",
    "sklearn.cluster",
    "sklearn.decomposition",
    "transformers.models.bert.modeling_bert",
    "transformers.models.llama.modeling_llama",
)


def import_libraries() -> None:
    """Import every module of ours, with the libraries that each of them names."""
    every = pkgutil.walk_packages(lm_geometry.__path__, f"{lm_geometry.__name__}.")
    for name in [*(module.name for module in every), *LATER]:
        importlib.import_module(name)


def compile_loops() -> None:
    """Measure small clouds as the committed parameters have it, and as the library's own calls."""
    params = Params.of(Project.read().params)
    load_loops(params.estimate, WIDTH, LENGTH)
    generator = np.random.default_rng(0)
    documents = np.arange(POINTS) // LENGTH
    # Documents far apart, whose tokens have all their nearest in their own: what is left out.
    cloud = 9 * generator.standard_normal((1 + documents[-1], WIDTH))[documents]
    cloud = (cloud + generator.standard_normal(cloud.shape)).astype(np.float32)
    cloud[-1] = cloud[0]  # copies have loops of their own
    for exclude in (None, documents):
        local_dimension(cloud, n_neighbors=64, exclude=exclude)
    compile_large_graph()
    gride(cloud, range_max=64)
    persistent_homology_dimension(cloud)
    _compile_prompts(params.embed.prompts, cloud)
    x, y = generator.standard_normal((2, POINTS))
    clustered_correlations(x, y, documents, resamples(1 + documents[-1], 2, generator))


def compile_large_graph() -> None:
    """That of a cloud which is searched in blocks, by the products that are fastest now.

    They are others once torch is loaded, where the processor has matrix units for them.
    """
    cloud = np.random.default_rng(0).standard_normal((WHOLE + 1, WIDTH))
    neighbour_graph(cloud.astype(np.float32), 64)


def _compile_prompts(asked: PromptStates, cloud: np.ndarray) -> None:
    sizes = asked.gride_range, asked.overlap_k
    near = layer_geometry(cloud, *sizes, asked.precision, window=asked.window).neighbours
    overlap_from_indices(near, near)
    reciprocity_from_indices(near)


if __name__ == "__main__":
    compile_loops()
    import_libraries()
    compile_large_graph()
    print("the libraries and loops of a first result are compiled")
