"""Files of parameters with random edits: through the check, and through the stages."""
