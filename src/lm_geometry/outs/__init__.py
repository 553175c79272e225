"""What each stage leaves for others: names, readers, writers, and nothing else."""
