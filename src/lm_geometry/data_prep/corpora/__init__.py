"""Corpora: a catalogue entry is read by `reading`, and prepared; other files read a format each."""
