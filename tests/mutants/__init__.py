"""The tests themselves, tried: code with one small change each, which some test must notice."""
