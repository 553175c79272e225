"""What a study reads from its experiments, and the numbers that it makes of them."""
