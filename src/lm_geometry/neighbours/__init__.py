"""Exact nearest neighbours."""

from lm_geometry.neighbours.graph import NeighbourGraph, neighbour_graph

__all__ = ["NeighbourGraph", "neighbour_graph"]
