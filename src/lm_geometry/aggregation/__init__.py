"""From estimates per token to means, differences and their intervals."""
