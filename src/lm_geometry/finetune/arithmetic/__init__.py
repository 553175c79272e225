"""Training a small transformer from scratch on the equations of modular arithmetic."""
