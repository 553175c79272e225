"""The same reduction with torch, on the device that holds the states."""

import numpy as np
import torch

from lm_geometry.embed.prompts.centring import ORDINARY, Precision, arithmetic, rounding_error
from lm_geometry.embed.prompts.layer import FEWEST
from lm_geometry.embed.prompts.nearest import EXACT
from lm_geometry.embed.prompts.rows import Reduced
from lm_geometry.embed.prompts.window import Places, places
from lm_geometry.point_cloud.cloud import LARGEST, PointCloud, as_array, as_cloud
from lm_geometry.point_cloud.on_device import full_precision
from lm_geometry.point_cloud.shapes import Float, Float64, Int32, Int64

SPARE = 32  # candidates beyond the last rank, which prove that no other token belongs before it
BLOCK = 2**27  # numbers in a block of differences (1 GiB)
HASH_SEED = 0x9E3779B97F4A7C15 >> 2

Found = tuple[Reduced | None, Int64[np.ndarray, "tokens"], int]


def reduced_on_device(
    X: PointCloud,
    ranks: Int64[np.ndarray, "ranks"],
    k_max: int,
    precision: Precision,
    window: int,
) -> Found:
    """(the rows of the distinct tokens, for each token the first equal one, zero vectors).

    The neighbours are those of all tokens where there is a window, as on the CPU.
    """
    with torch.inference_mode(), full_precision():
        states = _checked(X)
        first = first_equal(states).cpu().numpy()
        lengths = torch.linalg.vector_norm(states, dim=1, dtype=torch.float64)
        zero_vectors = int((lengths == 0).sum())
        distinct = np.flatnonzero(first == np.arange(len(first)))
        where, every = places(distinct, window), places(np.arange(len(first)), window)
        if min(where.reach, every.reach) < FEWEST - 1:
            return None, first, zero_vectors
        copies = np.bincount(first, minlength=len(first))[distinct]
        rows = torch.from_numpy(distinct).to(states.device)
        own = (states[rows], lengths[rows]) if len(distinct) < len(first) else (states, lengths)
        reduced = _Layer(*own, precision, where).reduced(copies, ranks, k_max)
        if where.window > 1 and len(distinct) < len(first):
            near, distances = _Layer(states, lengths, precision, every).lists(k_max)
            reduced = reduced._replace(near=near, distances=distances)
        return reduced, first, zero_vectors


def _checked(X: np.ndarray | torch.Tensor) -> Float[torch.Tensor, "tokens width"]:
    """`X` as a float32 or float64 tensor, where it is (on the CPU if it was no tensor)."""
    states = X.detach() if isinstance(X, torch.Tensor) else torch.from_numpy(as_array(X))
    states = states if states.dtype == torch.float64 else states.float()
    if states.ndim != 2 or 0 in states.shape:
        raise ValueError(f"X has shape {tuple(X.shape)}; a point cloud is [tokens, width]")
    largest = float(states.abs().max())
    if not largest < LARGEST:
        as_cloud(X, at_least=1)  # names the rows with NaN or infinite values
        raise ValueError(f"X has values around {largest:.1e}; their squares overflow")
    return states


def first_equal(
    states: Float[torch.Tensor, "tokens width"],
) -> Int64[torch.Tensor, "tokens"]:
    """For every row the first row that equals it: by a hash, proved by the values."""
    words = (states + 0.0).view(torch.int32 if states.dtype == torch.float32 else torch.int64)
    places = torch.arange(1, states.shape[1] + 1, device=states.device)
    odd = (places * HASH_SEED) ^ (places * HASH_SEED >> 31) | 1  # wraps around, as it should
    mixed = (words.long() ^ (places << 32)) * odd
    _, group = torch.unique((mixed ^ (mixed >> 29)).sum(dim=1), return_inverse=True)
    first = _first_of(group)
    if not torch.equal(states, states[first]):  # two rows of one hash
        _, group = torch.unique(states + 0.0, dim=0, return_inverse=True)
        first = _first_of(group)
    return first


def _first_of(group: torch.Tensor) -> torch.Tensor:
    rows = torch.arange(len(group), device=group.device)
    lowest = torch.full_like(rows, len(group)).scatter_reduce(0, group, rows, "amin")
    return lowest[group]


class _Layer:
    """The distinct tokens of one layer on their device."""

    def __init__(
        self, states: torch.Tensor, lengths: torch.Tensor, precision: Precision, where: Places
    ) -> None:
        self.states, self.lengths = states, lengths
        self.reach, self.window = where.reach, where.window
        self.positions = torch.from_numpy(where.positions).to(states.device)
        self.counted = torch.from_numpy(where.counted).to(states.device)
        some = (lengths <= ORDINARY * lengths.median()).to(states.dtype)
        shifted = states.double() - (some @ states / some.sum()).double()
        dtype = arithmetic(precision, lengths.cpu().numpy())
        points = shifted.to(getattr(torch, np.dtype(dtype).name))
        self.squares = points.double().square().sum(dim=1)
        self.error = rounding_error(states.shape[1], dtype)
        products = (points @ points.T).double()
        self.distances = self.squares[:, None] + self.squares - 2 * products

    def reduced(
        self,
        copies: Int64[np.ndarray, "tokens"],
        ranks: Int64[np.ndarray, "ranks"],
        k_max: int,
    ) -> Reduced:
        ranks, k = ranks[ranks <= self.reach], min(k_max, self.reach)
        cosines = self._cosines(torch.from_numpy(copies).to(self.states))
        squares, tokens = self._nearest(ranks, k)
        radii = squares[:, torch.from_numpy(ranks - 1).to(tokens.device)].sqrt()
        angles = self._angles(tokens[:, 0], tokens[:, 1])
        near = tokens[:, :k].int().cpu().numpy()
        lists = (radii, squares[:, :k].sqrt(), cosines, angles)
        radii, distances, cosines, angles = (found.cpu().numpy() for found in lists)
        return Reduced(radii, near, distances, cosines, angles)

    def lists(
        self, k_max: int
    ) -> tuple[Int32[np.ndarray, "tokens k"], Float64[np.ndarray, "tokens k"]]:
        """The nearest tokens, and how far they are."""
        k = min(k_max, self.reach)
        squares, tokens = self._nearest(np.array([1]), k)
        return tokens[:, :k].int().cpu().numpy(), squares[:, :k].sqrt().cpu().numpy()

    def _barred(self, rows: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Whether tokens `[rows, …]` are no neighbours of `rows`, themselves among them."""
        return (self.positions[rows][:, None] - self.positions[tokens]).abs() < self.window

    def _cosines(self, copies: torch.Tensor) -> torch.Tensor:
        """Sums of 1 − cosine and its square over all tokens `[tokens, 2]`."""
        halves = 0.5 / self.lengths
        gaps = (self.lengths[:, None] - self.lengths).square_()
        shares = (self.distances - gaps).mul_(2 * halves[:, None] * halves)
        shares.fill_diagonal_(0.0)
        weights = copies.double()
        return torch.stack([shares @ weights, shares.square() @ weights], dim=1)

    def _nearest(
        self, ranks: Int64[np.ndarray, "ranks"], k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared distances and tokens `[tokens, keep]`, exact at the ranks and up to k."""
        everyone = torch.arange(len(self.states), device=self.states.device)
        self.distances.masked_fill_(self._barred(everyone, everyone), torch.inf)
        keep = min(max(int(ranks[-1]), k + 1) + SPARE, self.reach)
        squares, tokens = self.distances.topk(keep, largest=False)
        both = 2 * self.squares.sqrt() + squares[:, -1].clamp(min=0).sqrt()
        slack = 2 * self.error * both.square()
        used = torch.from_numpy(ranks - 1).to(tokens.device)
        head = squares[:, : k + 1]
        close = (head.diff(dim=1) <= slack[:, None]).any(dim=1)
        open_ = close | (slack[:, None] > EXACT * squares[:, used]).any(dim=1)
        if keep <= k:  # the last of the list may tie with one that is no candidate
            open_ |= self.counted > keep
        rows = open_.nonzero()[:, 0]
        if not len(rows):
            return squares, tokens
        edge = squares[rows, -1]  # what is no candidate was computed at least as far
        squares[rows], tokens[rows] = self._measured(rows, tokens[rows])
        last = max(int(ranks[-1]), k)
        unproved = (edge - slack[rows] <= squares[rows, last - 1]) & (self.counted[rows] > keep)
        if unproved.any():
            rows = rows[unproved]
            squares[rows], tokens[rows] = self._measured_against_all(rows, keep)
        return squares, tokens

    def _measured(
        self, rows: torch.Tensor, tokens: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The candidates of `rows`, measured by differences and ordered, ties by token."""
        order = tokens.argsort(dim=1)
        tokens = tokens.gather(1, order)
        squares = torch.empty(tokens.shape, dtype=torch.float64, device=tokens.device)
        size = max(1, BLOCK // (tokens.shape[1] * self.states.shape[1]))
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            own = self.states[rows[part], None].double()
            squares[part] = (self.states[tokens[part]].double() - own).square_().sum(dim=2)
        squares.masked_fill_(self._barred(rows, tokens), torch.inf)
        squares, order = squares.sort(dim=1, stable=True)
        return squares, tokens.gather(1, order)

    def _measured_against_all(
        self, rows: torch.Tensor, keep: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        everyone = torch.arange(len(self.states), device=rows.device)
        squares, tokens = self._measured(rows, everyone.expand(len(rows), -1))
        return squares[:, :keep], tokens[:, :keep]

    def _angles(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """The angles to the nearest and between the two nearest `[tokens, 2]`, radians."""
        states = self.states.double()
        to_a, to_b = states - states[a], states - states[b]
        first, second = to_a.square().sum(dim=1), to_b.square().sum(dim=1)
        between = (to_a * to_b).sum(dim=1) / (first * second).sqrt()
        gaps = (self.lengths - self.lengths[a]).square()
        share = ((first - gaps) / (4 * self.lengths * self.lengths[a])).clamp(0, 1)
        to_nearest = 2 * torch.atan2(share.sqrt(), (1 - share).sqrt())
        return torch.stack([to_nearest, between.clamp(-1, 1).arccos()], dim=1)
