from .graph import NeighbourGraph as NeighbourGraph
from .graph_of_cloud import neighbour_graph as neighbour_graph
