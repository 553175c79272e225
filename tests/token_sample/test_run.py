"""Which tokens make a point cloud: the same everywhere, without copies, drawn as asked."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lm_geometry.observables.massive import FACTOR
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed import hidden_states as embedded
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.token_sample.clouds import Cloud, read_cloud, read_clouds
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.run import cloud_rows, draw, eligible, write_clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import array_folder
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import read_table, write_table
from tests.structure import ROOT

TOKENS = 300


def settings_of(**changes: Any) -> TokenSample:
    small = {"drop": ["eos", "first"], "prepared": 120, "points": 100}
    return TokenSample.model_validate({**small, **changes})


def token_table(tokens: int = TOKENS) -> pd.DataFrame:
    """Sequences of ten tokens, of which the first is `bos` and the last `eos,pad`."""
    position = np.arange(tokens) % 10
    return pd.DataFrame(
        {
            "sequence": np.arange(tokens) // 10,
            "position": position,
            "document": [f"d{i // 20}" for i in range(tokens)],
            "token_id": position,
            "token": "x",
            "special": np.select([position == 0, position == 9], ["bos", "eos,pad"], ""),
            "is_name": position % 2 == 1,
        }
    )


def write_states(
    corpora: tuple[str, ...] = ("one",),
    layers: tuple[int, ...] = (0, 4),
    copies: int = 0,
    checkpoints: tuple[str, ...] = ("base", "10"),
    order: str = "default",
) -> None:
    """What embed would have written; `copies` rows of the last layer equal row 11."""
    splits = [CorpusSplit(name, "test") for name in corpora]
    for split in splits:
        write_table(paths.tokens(split.corpus, split.split), token_table())
        for checkpoint in checkpoints:
            folder = paths.cell(paths.HIDDEN_STATES, checkpoint, split.corpus, split.split)
            names = [paths.layer_file(layer) for layer in layers]
            with array_folder(folder, dict.fromkeys(names, (TOKENS, 6)), {}) as arrays:
                for name, array in arrays.items():
                    array[:] = stream(0, split.corpus, checkpoint, name).normal(size=array.shape)
                array[12 : 12 + copies] = array[11]
    there = Embedded(list(checkpoints), splits, list(layers), depth=4, order=order)
    embedded.write_index(there)


def rows_of(corpus: str, checkpoint: str, layer: int, seed: int = 0) -> list[int]:
    return np.load(Cloud(checkpoint, CorpusSplit(corpus, "test"), layer, seed).file).tolist()


def test_special_tokens_and_first_positions_are_dropped() -> None:
    table = token_table(20)
    positions = {i: int(p) for i, p in enumerate(table["position"])}

    def kept(**changes: Any) -> set[int]:
        return {positions[i] for i in eligible(table, settings_of(**changes)).tolist()}

    everything = set(range(10))
    assert kept(drop=[]) == everything
    assert kept(drop=["first"]) == everything - {0}
    assert kept(drop=["bos"]) == everything - {0}
    assert kept(drop=["eos"]) == kept(drop=["pad"]) == everything - {9}
    assert kept(drop=["bos", "pad", "unk"]) == everything - {0, 9}
    table["special"] = ""
    assert kept(drop=["bos", "eos", "first"]) == everything - {0}


def test_a_mask_is_a_boolean_column() -> None:
    table = token_table()
    rows = eligible(table, settings_of(drop=["eos"], mask="is_name"))
    assert set(table["position"].iloc[rows]) == {1, 3, 5, 7}
    with pytest.raises(
        ValueError, match=r"token_sample\.mask: 'token' is not a boolean column.*is_name"
    ):
        eligible(table, settings_of(mask="token"))
    with pytest.raises(ValueError, match="leave no token at all"):
        eligible(table.assign(is_name=False), settings_of(mask="is_name"))


def test_a_mask_is_values_by_column() -> None:
    table = token_table(40).assign(
        part_of_speech=np.tile(["", "NN", "NN", "VB", "NNS", "VB", "NN", ".", "DT", ""], 4),
        label=np.repeat(["calm", "angry"], 20),
        turn=np.arange(40) // 10,
        spoken=np.arange(40) // 10 < 3,
    )

    def positions(**mask: list[Any]) -> list[int]:
        return eligible(table, settings_of(drop=[], mask=mask)).tolist()

    of_speech, label, turn = (table[c].tolist() for c in ("part_of_speech", "label", "turn"))
    nouns = [i for i in range(40) if of_speech[i] in ("NN", "NNS")]
    assert positions(part_of_speech=["NN", "NNS"]) == nouns
    both = [i for i in nouns if label[i] == "angry"]
    assert positions(part_of_speech=["NN", "NNS"], label=["angry"]) == both
    assert positions(turn=[1, 3]) == [i for i in range(40) if turn[i] in (1, 3)]
    assert positions(spoken=[False]) == [i for i in range(40) if turn[i] == 3]
    with pytest.raises(ValueError, match=r"no column 'speaker'; it has sequence.*turn, spoken"):
        positions(speaker=["user"])
    with pytest.raises(ValueError, match="leave no token at all"):
        positions(turn=[3], label=["calm"])
    with pytest.raises(ValueError, match=r"no column 'part_of_speech' \(embed\.tag_parts"):
        eligible(token_table(), settings_of(mask={"part_of_speech": ["NN"]}))


def test_dvc_sets_a_mask_of_values(tmp_path: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    def mask_after(*overrides: str) -> Any:
        apply_overrides(str(tmp_path / "params.yaml"), [f"token_sample.{o}" for o in overrides])
        return TokenSample.read(tmp_path).mask

    shutil.copy(ROOT / "params.yaml", tmp_path)
    assert mask_after("mask={part_of_speech: [NN, PRP$]}") == {"part_of_speech": ["NN", "PRP$"]}
    assert mask_after("mask={part_of_speech: [VB]}") == {"part_of_speech": ["VB"]}
    # Hydra refuses other keys in a mapping that is there: it is set to none before.
    assert mask_after("mask=none", "mask={tag: [B-area], turn: [1]}") == {
        "tag": ["B-area"],
        "turn": [1],
    }
    assert mask_after("mask=is_question") == "is_question"


def test_a_mask_s_values_must_occur_in_some_corpus(project: Path) -> None:
    write_states(("one", "two"))
    split = CorpusSplit("two", "test")
    for name, label in (("one", "calm"), ("two", "angry")):
        write_table(paths.tokens(name, "test"), token_table().assign(label=label))
    with pytest.raises(ValueError, match="no token has label = 'sad'; there are angry, calm"):
        write_clouds(settings_of(mask={"label": ["angry", "sad"]}))
    with pytest.raises(ValueError, match="no token has token_id = 99; there are 10 others"):
        write_clouds(settings_of(mask={"token_id": [99]}))
    with pytest.raises(ValueError, match=r"one-test: token_sample\.drop and .* leave no token"):
        write_clouds(settings_of(mask={"label": ["angry"]}))
    write_clouds(settings_of(mask={"label": ["angry", "calm"], "token_id": [3]}))
    rows = np.array(rows_of("two", "base", 0))
    assert set(rows % 10) == {3}
    assert len(rows) == TOKENS // 10
    private = token_table().drop(columns=["token", "token_id"])
    write_table(paths.tokens(split.corpus, split.split), private)
    with pytest.raises(ValueError, match=r"two-test: .*'token' \(the text may not be passed on\)"):
        write_clouds(settings_of(mask={"token": ["x"]}))


def test_a_token_that_is_massive_anywhere_is_left_out_everywhere(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_states(("one", "two"))
    folder = paths.cell(paths.HIDDEN_STATES, "10", "one", "test")
    for layer, row, factor in ((0, 23, 3.1), (4, 24, 2.9), (4, 20, 50.0)):
        states = np.load(folder / paths.layer_file(layer))
        lengths = np.linalg.norm(states, axis=1)
        states[row] *= factor * np.median(lengths) / lengths[row]
        np.save(folder / paths.layer_file(layer), states)
    everything = {"prepared": 999, "points": 999}  # 24 and 20 but for the ends of sequences
    write_clouds(settings_of(**everything))
    assert {23, 24} <= set(rows_of("one", "base", 0))
    assert set(read_table(paths.CLOUDS / "counts.parquet")["massive_removed"]) == {0}
    assert capsys.readouterr().out == ""
    write_clouds(settings_of(drop=["eos", "first", "massive"], massive=3, **everything))
    for checkpoint, layer in itertools.product(("base", "10"), (0, 4)):
        rows = set(rows_of("one", checkpoint, layer))
        assert {r for r in range(TOKENS) if r % 10 not in (0, 9)} - rows == {23}
    told = capsys.readouterr().out.splitlines()
    assert told[0] == (
        "one-test: 2 massive tokens; 1 are left out of all clouds, 1 are dropped or masked anyway"
    )
    assert told[1].startswith("two-test: 0 massive tokens")
    counts = read_table(paths.CLOUDS / "counts.parquet").groupby("corpus")["massive_removed"]
    assert {name: set(own) for name, own in counts} == {"one": {1}, "two": {0}}
    write_clouds(settings_of(drop=["eos", "first", "massive"], massive=2.8, **everything))
    assert {23, 24} & set(rows_of("one", "base", 0)) == set()


def test_massive_means_the_same_here_and_in_the_library() -> None:
    assert settings_of().massive == FACTOR


def test_a_split_of_massive_tokens_alone_is_refused(project: Path) -> None:
    write_states()
    write_table(paths.tokens("one", "test"), token_table().assign(is_name=np.arange(TOKENS) == 5))
    for checkpoint in ("base", "10"):
        file = paths.cell(paths.HIDDEN_STATES, checkpoint, "one", "test") / paths.layer_file(0)
        states = np.load(file)
        states[5] *= 1e3
        np.save(file, states)
    with pytest.raises(ValueError, match=r"one-test: .*leaves no token: all are massive"):
        write_clouds(settings_of(drop=["massive"], mask="is_name"))


def test_tokens_are_drawn_without_replacement_from_the_eligible_ones() -> None:
    rows = np.arange(1000, 1200)
    drawn = draw(rows, 150, np.random.default_rng(0))
    assert len(set(drawn.tolist())) == 150
    assert set(drawn.tolist()) <= set(rows.tolist())
    assert (np.diff(drawn) < 0).any()
    assert sorted(draw(rows, 500, np.random.default_rng(0)).tolist()) == rows.tolist()


def test_of_equal_vectors_the_first_drawn_stays() -> None:
    generator = np.random.default_rng(3)
    states = generator.integers(0, 3, (400, 3)).astype(np.float32)  # 27 different vectors
    drawn = generator.permutation(400)
    rows, counts = cloud_rows(states, drawn, settings_of(points=20))
    seen: dict[bytes, int] = {}
    for row in drawn.tolist():
        seen.setdefault(states[row].tobytes(), row)
    assert rows.tolist() == list(seen.values())[:20]
    assert counts == {
        "prepared": 400,
        "zero_vectors_removed": 0,
        "duplicates_removed": 400 - 27,
        "points": 20,
    }


def test_zero_vectors_are_kept_or_removed() -> None:
    states = np.ones((50, 2), dtype=np.float32) * np.arange(50, dtype=np.float32)[:, None]
    states[[7, 9]] = 0  # with row 0 three zero vectors
    drawn = np.arange(50)
    kept, counted = cloud_rows(states, drawn, settings_of())
    assert kept.tolist() == [i for i in range(50) if i not in (7, 9)]
    assert (counted["zero_vectors_removed"], counted["duplicates_removed"]) == (0, 2)
    removed, counted = cloud_rows(states, drawn, settings_of(zero_vectors="remove"))
    assert removed.tolist() == [i for i in range(50) if i not in (0, 7, 9)]
    assert (counted["zero_vectors_removed"], counted["duplicates_removed"]) == (3, 0)


def test_every_checkpoint_and_layer_gets_the_same_tokens(project: Path) -> None:
    write_states(("one", "two"))
    write_clouds(settings_of(seeds=[0, 1]))
    for corpus in ("one", "two"):
        for seed in (0, 1):
            clouds = {
                tuple(rows_of(corpus, checkpoint, layer, seed))
                for checkpoint in ("base", "10")
                for layer in (0, 4)
            }
            assert len(clouds) == 1
    drawn = {tuple(rows_of(c, "base", 0, s)) for c in ("one", "two") for s in (0, 1)}
    assert len(drawn) == 4
    assert {len(rows) for rows in drawn} == {100}
    assert len(read_clouds()) == 2 * 2 * 2 * 2


def test_copies_are_replaced_by_the_next_drawn_tokens(project: Path) -> None:
    write_states(copies=30)
    write_clouds(settings_of())
    plain, thinned = rows_of("one", "base", 0), rows_of("one", "base", 4)
    common = [row for row in plain if row in set(thinned)]
    assert thinned[: len(common)] == common  # in the order drawn
    assert len(set(range(11, 42)) & set(thinned)) == 1
    counts = read_table(paths.CLOUDS / "counts.parquet").set_index(["checkpoint", "layer"])
    removed = counts["duplicates_removed"]
    assert removed["base", 0] == removed["10", 0] == 0
    assert removed["base", 4] == removed["10", 4] > 0
    expected = min(100, 120 - removed["base", 4])
    assert counts["points"]["base", 4] == len(thinned) == expected
    assert list(counts["prepared"].unique()) == [120]


def test_another_corpus_layer_or_seed_moves_no_other_cloud(project: Path) -> None:
    write_states(("one",))
    write_clouds(settings_of(seeds=[4]))
    alone = rows_of("one", "base", 0, 4)
    write_states(("two", "one", "three"), layers=(0, 2, 4))
    write_clouds(settings_of(seeds=[0, 4, 9]))
    assert rows_of("one", "base", 0, 4) == alone


def test_more_points_begin_with_the_same_points(project: Path) -> None:
    write_states()
    write_clouds(settings_of(points=50))
    fewer = rows_of("one", "10", 4)
    write_clouds(settings_of(points=100))
    assert rows_of("one", "10", 4)[:50] == fewer


def test_the_published_order_draws_as_the_published_code(project: Path) -> None:
    write_states(("one", "two"), order="paper")
    write_clouds(settings_of(seeds=[7]))
    rows = np.array([i for i in range(TOKENS) if i % 10 not in (0, 9)])
    chosen = np.random.default_rng(7).choice(len(rows), size=120, replace=False)
    for corpus in ("one", "two"):
        assert rows_of(corpus, "base", 4, 7) == rows[chosen][:100].tolist()


def test_fewer_tokens_than_asked_are_reported(project: Path) -> None:
    write_states()
    write_clouds(settings_of(prepared=1000, points=900))
    counts = read_table(paths.CLOUDS / "counts.parquet")
    assert set(counts["points"]) == {240}


def test_clouds_are_read_with_and_without_noise(project: Path) -> None:
    write_states()
    write_clouds(settings_of())
    clouds = read_clouds()
    plain, rows = read_cloud(clouds[0])
    states = embedded.read_states("base", clouds[0].split, 0)
    assert plain.dtype == np.float32
    np.testing.assert_array_equal(plain, states[rows])
    write_clouds(settings_of(noise=0.5))
    noise = [
        read_cloud(cloud)[0]
        - embedded.read_states(cloud.checkpoint, cloud.split, cloud.layer)[read_cloud(cloud)[1]]
        for cloud in clouds
    ]
    assert read_cloud(clouds[0])[0].dtype == np.float64
    assert np.std(np.stack(noise)) == pytest.approx(0.5, abs=0.03)  # 2400 values
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.15
    np.testing.assert_array_equal(read_cloud(clouds[0])[0], read_cloud(clouds[0])[0])
    embedded.write_index(replace(embedded.read_embedded(), order="paper"))
    write_clouds(settings_of(noise=0.5, noise_seed=3))
    for cloud in clouds:
        points, rows = read_cloud(cloud)
        clean = embedded.read_states(cloud.checkpoint, cloud.split, cloud.layer)[rows]
        expected = clean + np.random.default_rng(3).normal(0, 0.5, clean.shape)
        np.testing.assert_array_equal(points, expected)
