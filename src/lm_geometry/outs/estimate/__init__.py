"""What estimate leaves: estimates of every cloud, and the tables of prompts."""
