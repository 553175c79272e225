"""Parts of speech of English text: Penn Treebank tags by nltk's averaged perceptron."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from lm_geometry.embed.words import Span

if TYPE_CHECKING:
    import nltk.tag.perceptron

DATA = "averaged_perceptron_tagger_eng"
ABSENT = (
    f"embed.tag_parts_of_speech: nltk's data {DATA!r} are not on this machine: "
    f"`python -m nltk.downloader {DATA}` fetches them, or name a folder that holds "
    f"taggers/{DATA} in the environment variable NLTK_DATA"
)


@cache
def tagger() -> "nltk.tag.perceptron.PerceptronTagger":
    """nltk's `PerceptronTagger`, loaded once; exits with one sentence where it is not there."""
    try:
        from nltk.tag.perceptron import PerceptronTagger
    except ImportError:
        raise SystemExit(
            "embed.tag_parts_of_speech: nltk is not installed: pip install -r requirements/tags.txt"
        ) from None
    try:
        return PerceptronTagger()
    except LookupError:
        raise SystemExit(ABSENT) from None


def word_tags(words: Sequence[str]) -> list[str]:
    """The part of speech of each of the words, which are one sentence to the tagger."""
    return [tag for _, tag in tagger().tag(list(words))]


def tagged_words(text: str) -> tuple[list[Span], list[str]]:
    """Spans of the words and punctuation marks of `text`, and the part of speech of each.

    Words are the Penn Treebank's (`did`, `n't`). Sentences are found by Punkt without trained
    abbreviations, so that the tagger's data are the only data needed: `Mr.` ends a sentence.
    """
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    spans: list[Span] = []
    tags: list[str] = []
    for start, end in PunktSentenceTokenizer().span_tokenize(text):
        words = _word_spans(text[start:end])
        spans += [(start + first, start + last) for first, last in words]
        tags += word_tags([text[start + first : start + last] for first, last in words])
    return spans, tags


def _word_spans(sentence: str) -> list[Span]:
    from nltk.tokenize import NLTKWordTokenizer, WordPunctTokenizer

    try:
        return list(NLTKWordTokenizer().span_tokenize(sentence))
    except (ValueError, StopIteration, RuntimeError):  # mixed quotation marks: it loses its place
        return list(WordPunctTokenizer().span_tokenize(sentence))
