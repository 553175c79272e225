"""What a language model is trained to do; a file per task."""
