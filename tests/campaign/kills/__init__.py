"""Kills at random moments, and what a rerun makes of what they left."""
