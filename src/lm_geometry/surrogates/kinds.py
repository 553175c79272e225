"""The names of the null models, and the labels of tokens that each of them needs."""

from typing import Literal, get_args

Kind = Literal[
    "gaussian", "gaussian_with_norms", "permuted_components", "token_means", "exchanged_residuals"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Null models of whose surrogates read otherwise than those do themselves: a fit to them finds
# effects of documents that the exchange has enlarged.
REFITTED: tuple[Kind, ...] = ("exchanged_residuals",)
NEEDS: dict[str, tuple[str, ...]] = {
    "token_means": ("tokens",),
    "exchanged_residuals": ("tokens", "documents"),
}
