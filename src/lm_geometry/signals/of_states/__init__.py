"""Signals of hidden states of a fixed set of probe texts: a module declares one, or a few alike."""
