"""BIO tags: a text's words, and which of them a marked span begins or goes on in.

The words are what stands between single spaces, so that joining them gives the text back.
"""

from collections.abc import Iterable, Sequence

Span = tuple[int, int, str]  # first character, the one after the last, and what is marked


def words_of(text: str) -> list[str]:
    """The words of a text; `" ".join` of them is the text, so two spaces hold an empty one."""
    return text.split(" ")


def bio_tags(text: str, spans: Iterable[Span]) -> list[str]:
    """`B-name`, `I-name` or `O` for each of the words of `text`.

    A word belongs to a span that covers any of its characters; of spans that overlap the one that
    starts first counts, of these the longest.
    """
    words = words_of(text)
    tags = ["O"] * len(words)
    ends = _ends(words)
    for start, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
        covered = [
            place
            for place, word in enumerate(words)
            if word and ends[place] - len(word) < end and ends[place] > start
        ]
        if covered and all(tags[place] == "O" for place in covered):
            for place in range(covered[0], covered[-1] + 1):
                tags[place] = f"I-{name}"
            tags[covered[0]] = f"B-{name}"
    return tags


def span_of_words(text: str, first: int, last: int) -> tuple[int, int]:
    """The characters of the words `first` to `last`, counted between any white space.

    Raises IndexError where the text has fewer words.
    """
    places: list[tuple[int, int]] = []
    end = 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        places.append((start, end))
    return places[first][0], places[last][1]


def without_margins(words: Sequence[str], tags: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of the stripped text, and their tags."""
    kept = [place for place, word in enumerate(words) if word.strip()]
    if not kept:
        return [""], ["O"]
    inner = list(words[kept[0] : kept[-1] + 1])
    inner[0] = inner[0].lstrip()
    inner[-1] = inner[-1].rstrip()
    return inner, list(tags[kept[0] : kept[-1] + 1])


def _ends(words: list[str]) -> list[int]:
    ends, place = [], 0
    for word in words:
        ends.append(place + len(word))
        place += len(word) + 1
    return ends
