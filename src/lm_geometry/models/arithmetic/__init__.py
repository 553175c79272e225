"""Arithmetic on small groups: equations, and a transformer that learns them."""
