"""Jobs of Slurm by submitit: what they ask for, how they are submitted, and a stage's cells on them."""
