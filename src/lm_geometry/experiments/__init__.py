"""Running `dvc exp`: here, side by side, and on Slurm."""
