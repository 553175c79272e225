"""What finetune leaves: checkpoints, curves and scores of a training run."""
