"""Jobs of Slurm, by submitit: what they ask for, and the cells of a stage on them."""
