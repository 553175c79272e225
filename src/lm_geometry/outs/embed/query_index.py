"""What queries of a run there are; of plain values, which parameters are checked against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QueryIndex:
    """What there is of queries; `count` 0: none, and all else is empty.

    Lists are of `neighbours` tokens, the states of the `vectors` nearest of them are there, too.
    `exclude` are the readings, `references` the shares of tokens that were searched, and `tokens`
    how many tokens a whole reference has, copies and all, by the name of the split.
    """

    count: int
    neighbours: int
    vectors: int
    exclude: list[str]
    references: list[float]
    tokens: dict[str, int]
