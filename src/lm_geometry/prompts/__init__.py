"""Prompts: texts of a fixed number of tokens, each studied as a cloud of its own.

`prompt_selection` chooses them and writes data/prompts; `prepared` is what later stages read.
"""
