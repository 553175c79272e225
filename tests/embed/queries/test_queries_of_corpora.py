"""Neighbours of queries are the same bytes stored or streamed, whatever the shards, and exact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lm_geometry.embed import run as embedding_run
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.queries import shards
from lm_geometry.embed.queries.drawn import draw_queries
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_states, read_tokens
from lm_geometry.outs.embed.queries import (
    QueryLists,
    read_query_index,
    read_query_lists,
    read_query_rows,
)
from lm_geometry.outs.token_sample.point_states import read_states_of
from lm_geometry.workspace import machine
from tests.conftest import TinyModel
from tests.neighbours.of_queries.test_search import Cloud, by_scipy
from tests.tokenised_texts import prepare_corpora, settings_of

WORDS = [
    "the",
    "senate",
    "met",
    "people",
    "of",
    "river",
    "sand",
    "clay",
    "and",
    "sea",
    "in",
    "morning",
    "evening",
    "cloud",
]
QUERIES = {"count": 25, "neighbours": 24, "vectors": 10, "references": [1.0, 0.4]}
SPLIT = CorpusSplit("news", "test")
Embedded = Callable[..., dict[str, bytes]]


def texts() -> list[str]:
    """Forty texts of different lengths; some begin alike, so that states of theirs are copies."""
    rng = np.random.default_rng(0)
    drawn = [" ".join(rng.choice(WORDS, rng.integers(3, 14))) for _ in range(40)]
    return [f"the senate met {text}" if i % 3 else text for i, text in enumerate(drawn)]


@pytest.fixture
def embed(
    tiny_models: dict[str, TinyModel], project: Path, monkeypatch: pytest.MonkeyPatch
) -> Embedded:
    """Runs embed, and gives the bytes of what it wrote but hidden states, by path."""
    monkeypatch.setattr(shards, "TOKENS", 150)
    prepare_corpora({"news": texts()})

    def run(part: str = "", scratch: str = "scratch", **asked: Any) -> dict[str, bytes]:
        given: dict[str, Any] = {"shard": part, "scratch": project / scratch}
        settings = machine.Machine(**given)
        monkeypatch.setattr(machine, "machine", lambda: settings)
        values = {"layers": [1, -1], "batch_tokens": 128, "queries": QUERIES, **asked}
        embedding_run.embed(tiny_models["llama"].source, settings_of(**values), seed=0)
        folders = [project / "data" / name for name in ("query_neighbours", "losses", "tokens")]
        files = [f for folder in folders for f in sorted(folder.rglob("*")) if f.is_file()]
        return {str(file.relative_to(project)): file.read_bytes() for file in files}

    return run


def lists(layer: int = 1) -> QueryLists:
    return read_query_lists("base", SPLIT, layer)


def test_lists_are_those_of_scipy_among_the_stored_states(embed: Embedded) -> None:
    embed()
    table, rows = read_tokens(SPLIT), read_query_rows(SPLIT)
    assert len(set(rows.tolist())) == 25
    documents = np.unique(table["document"], return_inverse=True)[1][:, None]
    index = read_query_index()
    assert index is not None
    assert index.tokens == {"news-test": len(table)}
    for layer in (1, 3):
        states = np.asarray(read_states("base", SPLIT, layer))
        found = lists(layer)
        np.testing.assert_array_equal(found.queries, states[rows])
        np.testing.assert_array_equal(found.vectors, states[found.tokens])
        np.testing.assert_array_equal(
            read_states_of("base", SPLIT, layer, rows[:3]), states[rows[:3]]
        )
        for reading, kinds in enumerate([(0,), ()]):  # document, none
            true = by_scipy(Cloud(states, documents, rows), 24, kinds)
            np.testing.assert_array_equal(found.numbers[0, reading], true.numbers)
            np.testing.assert_allclose(found.distances[0, reading], true.distances, rtol=1e-9)
        near = np.unique(found.numbers[:, :, :, :10])
        np.testing.assert_array_equal(found.tokens, near[near >= 0])
    drawn = draw_queries(table, settings_of(queries=QUERIES).queries, 0, SPLIT)
    part = drawn.within(0.4, np.arange(len(table)))
    assert 0.2 < part.mean() < 0.6
    assert not (part & ~drawn.within(0.7, np.arange(len(table)))).any()  # shares are nested
    true = by_scipy(Cloud(states, documents, rows), 24, (), among=part)
    np.testing.assert_array_equal(found.numbers[1, 1], true.numbers)


def test_streamed_lists_have_the_bytes_of_stored_ones(embed: Embedded, project: Path) -> None:
    stored = embed()
    streamed = embed(store="none")
    assert stored == streamed
    states = [f.name for f in (project / "data" / "hidden_states").rglob("*.npy")]
    assert len(states) == 2  # of the first run; the second wrote none
    assert len([name for name in stored if name.endswith("vectors.npy")]) == 2


def test_shards_of_any_number_and_order_make_the_same_bytes(
    embed: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = embed(store="none")
    for order in ((2, 3, 1), (2, 1)):
        parts = len(order)
        for part in order:
            embed(f"{part}/{parts}", f"scratch-{parts}", store="none")
        with monkeypatch.context() as patched:
            passed = _passed(patched)
            assert embed("", f"scratch-{parts}", store="none") == whole
        assert not passed  # what the parts did was taken


def _passed(monkeypatch: pytest.MonkeyPatch) -> dict[str, None]:
    """What shards are passed from now on, in their order."""
    passed: dict[str, None] = {}
    pass_through = HiddenStates.pass_through

    def told(self: HiddenStates, *given: Any) -> None:
        if "queries" not in given[-1]:
            passed[given[-1]] = None
        pass_through(self, *given)

    monkeypatch.setattr(HiddenStates, "pass_through", told)
    return passed


def test_an_interruption_loses_the_shard_under_way_alone(
    embed: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        pass_through = HiddenStates.pass_through

        def killed(self: HiddenStates, *given: Any) -> None:
            pass_through(self, *given)
            if "shard 3 of" in given[-1]:
                raise KeyboardInterrupt

        patched.setattr(HiddenStates, "pass_through", killed)
        with pytest.raises(KeyboardInterrupt):
            embed(store="none")
    passed = _passed(monkeypatch)
    resumed = embed(store="none")
    of = next(iter(passed)).rpartition(" ")[2]
    assert int(of) > 3
    assert list(passed) == [f"base news-test shard {i + 1} of {of}" for i in range(2, int(of))]
    assert resumed == embed(store="stored")


def test_an_interrupted_gathering_of_states_is_taken_up(
    embed: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = embed()
    with monkeypatch.context() as patched:
        unlink, removed = Path.unlink, []

        def killed(self: Path, missing_ok: bool = False) -> None:
            unlink(self, missing_ok)
            if self.name.startswith("layer-03") and "-shard-" in self.name:
                removed.append(self)
                if len(removed) == 2:
                    raise KeyboardInterrupt

        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            embed(store="none")
    assert embed(store="none") == stored


def test_without_queries_nothing_is_left_but_an_index(embed: Embedded, project: Path) -> None:
    files = embed(queries={})
    assert [name for name in files if "query" in name] == ["data/query_neighbours/index.json"]
    assert read_query_index() is None


def test_dropped_and_masked_tokens_are_neither_queries_nor_neighbours(embed: Embedded) -> None:
    words = ["river", "sand", "senate", "morning"]
    embed(queries={**QUERIES, "drop": ["bos"], "mask": {"token": words}})
    table = read_tokens(SPLIT)
    assert set(table["token"].iloc[read_query_rows(SPLIT)]) <= set(words)
    assert set(table["token"].iloc[lists().tokens]) <= set(words)


def test_streaming_is_refused_where_it_leaves_nothing(embed: Embedded) -> None:
    with pytest.raises(ValueError, match=r"embed\.store: none leaves nothing"):
        embed(store="none", queries={})
