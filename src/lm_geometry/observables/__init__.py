"""Numbers of a cloud, or of a pair of clouds, that are not dimensions: one concept per module."""
