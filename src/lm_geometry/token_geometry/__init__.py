"""Token geometry of prompts: dimension, overlap, cosine and loss in tables, and what they say.

Everything works on the tidy tables of `outs.estimate.prompt_tables`: `published` makes them from
the arrays published with the paper, and a pipeline run writes its own.
"""
