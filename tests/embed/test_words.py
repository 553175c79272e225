"""Where words are in a text, and which word each token belongs to."""

import numpy as np
import pytest

from lm_geometry.embed.words import joined_spans, token_bio_tags, token_tags, word_numbers


def test_words_are_found_in_the_text_that_they_make() -> None:
    words = ["", "Mr.", "X", "didn't", " ", "go"]
    text = " ".join(words)
    for shown in (text, text.strip(), f"  {text.strip()}\n"):
        found = [shown[start:end] for start, end in joined_spans(words, shown)]
        assert found[1:] == words[1:]
    with pytest.raises(ValueError, match="do not make its text"):
        joined_spans(["a", "b"], "ab")


def test_a_token_belongs_to_the_word_that_it_begins_in() -> None:
    text = "We  didn't go"
    spans = [(0, 2), (4, 7), (7, 10), (11, 13)]  # We did n't go
    offsets = [(0, 0), (0, 2), (2, 3), (3, 7), (7, 10), (10, 13), (6, 9), (13, 13)]
    assert word_numbers(offsets, spans, text).tolist() == [-1, 0, -1, 1, 2, 3, 1, -1]
    assert word_numbers([(2, 3), (3, 4), (2, 4), (10, 11)], spans, text).tolist() == [-1, 1, -1, 3]
    assert word_numbers([(0, 2)], [], text).tolist() == [-1]


def test_tags_of_tokens_follow_their_words() -> None:
    numbers = np.array([-1, 0, 0, 1, 1, 2, 3, 3, -1])
    tags = ["B-a", "B-a", "O", "I-b"]
    assert token_tags(numbers, tags) == ["", "B-a", "B-a", "B-a", "B-a", "O", "I-b", "I-b", ""]
    bio = ["", "B-a", "I-a", "B-a", "I-a", "O", "I-b", "I-b", ""]
    assert token_bio_tags(numbers, tags) == bio
    assert token_bio_tags(np.array([], dtype=np.int64), tags) == []
