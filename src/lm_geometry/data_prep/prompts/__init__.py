"""The part of data-prep that chooses prompts: texts, those that are long enough, a draw."""
