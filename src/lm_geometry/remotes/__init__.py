"""Results in DVC's cache and in its remotes: what must be there, what is, and how it is mended."""
