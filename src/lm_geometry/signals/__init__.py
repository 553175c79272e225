"""Signals of a training run, and how long before an event they turn; knows no study."""
