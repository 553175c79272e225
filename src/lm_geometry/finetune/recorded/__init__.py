"""Scores that other people's runs recorded, for checkpoints that are read and not trained."""
