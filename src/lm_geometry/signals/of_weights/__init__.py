"""Signals of the weights alone: a module declares one."""
