"""Query tokens, and their neighbours among all tokens that are embedded, stored or streamed.

The queries' states are resident, all others come by once, in passes of the model or from the arrays
that it left, and what stands among the nearest of a query is kept: a list of numbers and distances,
and the states of its nearest, which lie on disk from shard to shard.
"""
