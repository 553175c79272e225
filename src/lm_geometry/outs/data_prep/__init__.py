"""What data-prep leaves: the model, corpora and prompts by name, and their tokens."""
