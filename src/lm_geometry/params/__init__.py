"""params.yaml as a whole: its sections checked, alone and against each other and the catalogue."""
