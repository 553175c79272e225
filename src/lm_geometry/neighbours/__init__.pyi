from .graph import NeighbourGraph as NeighbourGraph
from .graph import neighbour_graph as neighbour_graph
