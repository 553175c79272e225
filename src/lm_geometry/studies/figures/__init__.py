"""The figures of studies, a kind a file."""
