from .dimension import global_dimension as global_dimension
from .dimension import local_dimension as local_dimension
from .dimension.bayesian_twonn import bayesian_twonn as bayesian_twonn
from .dimension.correlation import correlation_integral as correlation_integral
from .dimension.gride import Gride as Gride
from .dimension.gride import gride as gride
from .measure.call import measure as measure
from .measure.callback import LocalDimensionCallback as LocalDimensionCallback
from .measure.compared import compare as compare
from .models.weight_norm import weight_norm as weight_norm
from .neighbours import NeighbourGraph as NeighbourGraph
from .neighbours import neighbour_graph as neighbour_graph
from .neighbours.filtered import excluding as excluding
from .neighbours.filtered import remaining as remaining
from .observables.alignment import linear_cka as linear_cka
from .observables.alpha_req import alpha_req as alpha_req
from .observables.angle import nearest_neighbour_angle as nearest_neighbour_angle
from .observables.cloud_signals import cloud_signals as cloud_signals
from .observables.cosine import cosine as cosine
from .observables.cosine import mean_cosine as mean_cosine
from .observables.hausdorff import hausdorff as hausdorff
from .observables.imbalance import information_imbalance as information_imbalance
from .observables.label_overlap import label_overlap as label_overlap
from .observables.massive import massive_tokens as massive_tokens
from .observables.moved import distance_moved as distance_moved
from .observables.norms import norms as norms
from .observables.overlap import neighbourhood_overlap as neighbourhood_overlap
from .observables.persistent_homology import (
    persistent_homology_dimension as persistent_homology_dimension,
)
from .observables.rankme import rankme as rankme
from .observables.reciprocity import reciprocity as reciprocity
from .observables.spectrum import effective_rank as effective_rank
from .observables.spectrum import participation_ratio as participation_ratio
from .point_cloud.deduplication import deduplicate as deduplicate
from .revisions.revision import results as results
from .surrogates.null_models import surrogate as surrogate
from .surrogates.swaps import swap as swap
