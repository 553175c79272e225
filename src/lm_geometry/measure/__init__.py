"""Dimensions of any model on any texts: one call, one command, one callback."""
