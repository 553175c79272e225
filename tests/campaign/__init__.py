"""Kills, faults, fuzzed parameters and hostile clouds, by the hundred: `make campaign`."""
