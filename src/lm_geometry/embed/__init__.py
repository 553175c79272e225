"""The stage embed: from texts to hidden states and losses on disk, and geometries of prompts."""
