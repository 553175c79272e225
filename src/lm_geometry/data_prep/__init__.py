"""The stage data-prep: from named texts to sequences and prompts; what the model is."""
