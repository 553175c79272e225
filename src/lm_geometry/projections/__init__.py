"""Maps of point clouds in the plane, coloured by local dimension or by what a token is."""
