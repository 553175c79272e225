"""Fine-tuning with the Hugging Face Trainer: what is trained, scored and kept."""
