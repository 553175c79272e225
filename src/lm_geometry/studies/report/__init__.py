"""A study's page: its figures, numbers, and how they were made."""
