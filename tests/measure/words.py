"""Made-up documents, long enough for clouds of a hundred points."""

import numpy as np

WORDS = ["senate", "met", "morning", "river", "sand", "clay", "to", "sea", "people", "the", "cloud"]


def documents(number: int, words: int = 30, seed: int = 0) -> list[str]:
    """Texts of so many words each, drawn at random."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, words)) + "." for _ in range(number)]
