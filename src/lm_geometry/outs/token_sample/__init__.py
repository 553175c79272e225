"""What token-sample leaves: the point clouds of corpora and of prompts."""
