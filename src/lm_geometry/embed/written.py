"""Tokens as a reader writes them, in place of the signs that a vocabulary spells spaces with."""

from collections import Counter
from collections.abc import Iterable

from transformers import PreTrainedTokenizerBase

CONTINUES = "…"  # before a token that goes on with the word before it
SPACE = "␣"
PICTURES = {"\n": "↵", "\r": "␍", "\t": "⇥"}
_BEFORE = "a"  # any word: what follows it tells whether a token begins one of its own


def written(ids: Iterable[int], tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """By token id: `their` for one that begins a word, `…ory` for one that goes on with it.

    The tokenizer is asked for the text of a word and the token together, whatever its vocabulary
    marks words with (`Ġ`, `▁`, `##`). Signs stand alone (`,`); where one of `ids` is the same sign
    with a space before it, that one is `␣,`. Line ends and tabs have pictures. Special tokens,
    parts of a character, and tokens that would still be written as another of `ids` keep the name
    that the vocabulary has for them.
    """
    distinct = sorted({int(token_id) for token_id in ids})
    names = dict(zip(distinct, tokenizer.convert_ids_to_tokens(distinct), strict=True))
    special = set(tokenizer.all_special_ids)
    before = tokenizer.encode(_BEFORE, add_special_tokens=False)
    alone = str(tokenizer.decode(before, clean_up_tokenization_spaces=False))
    texts = {one: _text(one, before, alone, tokenizer) for one in distinct if one not in special}
    plain = {one: _plain(text) for one, text in texts.items()}
    held = Counter(plain.values())
    told = {
        one: SPACE + text if held[text] > 1 and texts[one].startswith(" ") else text
        for one, text in plain.items()
    }
    held = Counter(told.values())
    clear = {one for one, text in told.items() if text and held[text] == 1}
    return {one: told[one] if one in clear else str(name) for one, name in names.items()}


def _text(token_id: int, before: list[int], alone: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """What a token adds to the text `alone` of a word; empty for a part of a character."""
    together = str(tokenizer.decode([*before, token_id], clean_up_tokenization_spaces=False))
    parted = "\N{REPLACEMENT CHARACTER}" in together
    whole = bool(before) and together.startswith(alone) and not parted
    return together[len(alone) :] if whole else ""


def _plain(text: str) -> str:
    for sign, picture in PICTURES.items():
        text = text.replace(sign, picture)
    if not text.strip(" "):
        return SPACE * len(text)
    inner = text.removeprefix(" ").replace(" ", SPACE)
    return CONTINUES + inner if inner == text and inner[0].isalpha() else inner
