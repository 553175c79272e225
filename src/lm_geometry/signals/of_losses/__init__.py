"""Signals of losses, which every training logs anyway: a module declares one, or a few alike."""
