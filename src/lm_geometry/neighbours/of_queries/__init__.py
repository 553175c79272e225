"""The nearest tokens of some queries among tokens that pass by once, in blocks of any order."""
