"""Clouds that break estimators, and what the estimates should be, by brute force."""
