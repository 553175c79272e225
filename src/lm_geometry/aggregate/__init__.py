"""The stage aggregate: from estimates per token to means, differences and intervals."""
