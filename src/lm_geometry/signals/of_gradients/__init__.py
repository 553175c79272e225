"""Signals of the gradients of training examples: a module declares one, or a few alike."""
