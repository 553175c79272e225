"""The records that the figure of a training run draws."""

from lm_geometry.outs.finetune.training_curves import MOST_ROWS, curve_records, evenly
from lm_geometry.outs.finetune.training_run import Loss, Score, TrainingRun


def test_each_measure_is_drawn_once_with_its_split() -> None:
    losses: list[Loss] = [
        {"step": s, "curve": "training", "loss": 2.0 - s, "corpus": "a", "split": "train"}
        for s in (1, 0)
    ]
    scores: list[Score] = [
        {"step": 0, "score": name, "value": 0.5, "corpus": "a", "split": split}
        for name, split in (("loss", "validation"), ("f1_macro", "train"))
    ]
    rows = curve_records(TrainingRun("a", "causal_lm", "how", losses, scores))
    told = [(r["place"], r["measure"], r["curve"], r["step"], r["value"]) for r in rows]
    assert told == [
        (0, "loss", "training", 0, 2.0),
        (0, "loss", "training", 1, 1.0),
        (1, "f1 macro", "training", 0, 0.5),
    ]
    assert {(r["corpus"], r["settings"]) for r in rows} == {("a", "how")}


def test_the_loss_of_a_split_without_a_curve_of_its_own_is_drawn() -> None:
    losses: list[Loss] = [
        {"step": 0, "curve": name, "loss": 2.0, "corpus": "a", "split": split}
        for name, split in (("training", "train"), ("validation", "validation"))
    ]
    scores: list[Score] = [
        {"step": 0, "score": "loss", "value": 3.0, "corpus": "a", "split": split}
        for split in ("train", "validation", "test")
    ]
    rows = curve_records(TrainingRun("a", "causal_lm", "how", losses, scores))
    told = [(r["curve"], r["split"], r["value"]) for r in rows]
    assert told == [
        *[("test", "test", 3.0), ("training", "train", 2.0), ("validation", "validation", 2.0)],
    ]


def test_a_run_without_training_says_so() -> None:
    (row,) = curve_records(TrainingRun("", "none", "Mine"))
    assert "was not fine-tuned" in str(row["message"])


def test_long_curves_keep_their_ends() -> None:
    kept = evenly(list(range(10_000)), MOST_ROWS)
    assert (len(kept), kept[0], kept[-1]) == (MOST_ROWS, 0, 9_999)
    assert len(set(kept)) == MOST_ROWS
    assert evenly([1, 2, 3], 3) == [1, 2, 3]
