"""The commands of `lm-geometry`, a module each."""
