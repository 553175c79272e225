"""Arithmetic on small groups: equations, a transformer trained on them, and when it generalises."""
