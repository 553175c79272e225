"""The commands of `lm-geometry`, a module each: options, and one call of a room below."""
