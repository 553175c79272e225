"""The stage finetune: what is trained, scored and kept."""
