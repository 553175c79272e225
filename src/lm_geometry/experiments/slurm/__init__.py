"""Studies on a Slurm cluster: a git clone per experiment, one DVC cache for all."""
