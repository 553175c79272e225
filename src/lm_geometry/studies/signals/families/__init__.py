"""Families of training runs in which an event comes or does not: a module declares one `FAMILY`."""
