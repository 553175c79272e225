"""Hidden states of a pipeline run: from texts to arrays on disk."""
