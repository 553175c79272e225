"""Dialogue states: labels of a turn, the state that they lead to, and the joint goal of a model."""
