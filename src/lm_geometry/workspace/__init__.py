"""Ground: this clone and this machine: paths, params sections, files written whole, seeds."""
