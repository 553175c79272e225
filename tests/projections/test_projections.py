"""Maps of clouds: the reduction, what is chosen and shown, and files that keep to themselves."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.commands.cli import main
from lm_geometry.figures.export import render
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.embed.hidden_states import write_index as write_embedded
from lm_geometry.outs.estimate.clouds import LOCAL, Estimated, folder_name
from lm_geometry.outs.estimate.clouds import write_index as write_estimated
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.projections import colours
from lm_geometry.projections.choice import choose
from lm_geometry.projections.figure import figure, file_stem, page, write_map
from lm_geometry.projections.mapped import map_tokens
from lm_geometry.projections.reduction import aligned
from lm_geometry.projections.reduction import project as project_cloud
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tables import write_table
from tests.hostile_labels import LABELS, Page, specification

SPLITS = [CorpusSplit("news", "test"), CorpusSplit("letters", "test", private="0" * 64)]
LAYERS, STEPS = [1, 3], ["base", "10"]
TOKENS, WIDTH = 90, 12
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BREAKING = "</script><script>alert(1)"
SETTINGS = Aggregate.model_validate({"layer": 3})


def clusters(per_cluster: int = 40, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    centres = 30 * np.eye(width)[:3]
    labels = np.repeat(np.arange(3), per_cluster)
    noise = generator.normal(size=(len(labels), width))
    return (centres[labels] + noise).astype(np.float32), labels


def nearest_is_of_the_same_cluster(plane: np.ndarray, labels: np.ndarray) -> bool:
    distances = np.linalg.norm(plane[:, None] - plane, axis=2)
    np.fill_diagonal(distances, np.inf)
    return bool((labels[distances.argmin(axis=1)] == labels).all())


def drawn_rows(step: str) -> np.ndarray:
    """Step 10 has fewer tokens than base."""
    return np.random.default_rng(2).permutation(TOKENS)[: 80 if step == "10" else 85]


def token_table(split: CorpusSplit) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "sequence": np.arange(TOKENS) // 9,
            "position": np.arange(TOKENS) % 9,
            "document": [f"doc-{i // 30}" for i in range(TOKENS)],
            "special": "",
            "label": np.arange(TOKENS) % 2 == 0,
            "number": np.arange(TOKENS) * 2,
        }
    )
    if not split.private:
        spelling = {"token_id": np.arange(TOKENS), "token": [f"word{i}" for i in range(TOKENS)]}
        spelling["token"][drawn_rows("base")[0]] = BREAKING
        table = table.assign(**spelling)
    return table


@pytest.fixture
def run(project: Path) -> Path:
    """What the stages leave behind for two checkpoints, corpora and layers of random states."""
    generator = np.random.default_rng(1)
    clouds = [Cloud(c, s, layer, 0) for c in STEPS for s in SPLITS for layer in LAYERS]
    for split in SPLITS:
        write_table(paths.tokens(split.corpus, split.split), token_table(split))
        for step in STEPS:
            folder = paths.cell(paths.HIDDEN_STATES, step, split.corpus, split.split)
            shapes = {paths.layer_file(layer): (TOKENS, WIDTH) for layer in LAYERS}
            with array_folder(folder, shapes, {}) as arrays:
                for array in arrays.values():
                    array[:] = generator.normal(size=array.shape)
    for cloud in clouds:
        rows = drawn_rows(cloud.checkpoint)
        write_array(cloud.file, rows)
        tables = [
            pd.DataFrame(
                cloud.keys()
                | {"row": rows[:cut], "estimator": name, "n_neighbors": size}
                | {"value": rows[:cut] + size + more, "exclude": reading},
                columns=LOCAL,
            )
            for reading, more in (("none", 0.0), ("document", 1000.0))
            for name, cut in (("twonn", len(rows)), ("lpca", 20))
            for size in (64.0, 128.0)
        ]
        write_table(paths.ESTIMATES / folder_name(cloud) / "local.parquet", pd.concat(tables))
    embedded = Embedded(STEPS, SPLITS, LAYERS, depth=3)
    write_embedded(embedded)
    write_estimated(
        Estimated(embedded, [0], ["twonn", "lpca"], [64, 128], "i/n", ["none", "document"], [0, 0])
    )
    noise = {"noise": 0, "noise_seed": 0, "paper": False}
    write_json(paths.CLOUDS / "index.json", {"seeds": [0], **noise})
    source = {"name": "tiny", "label": "Tiny", "source": "file:tiny", "kind": "decoder"}
    sizes = {"layers": 3, "width": WIDTH, "weights": "pretrained", "seed": 0, "content": ""}
    write_json(paths.MODEL, source | sizes)
    (project / "params.yaml").write_text("aggregate: {layer: 3}\n")
    return project


def test_tsne_is_scikit_learns_after_fifty_principal_components() -> None:
    X, _ = clusters()
    leading = PCA(50, svd_solver="full").fit_transform(X.astype(np.float64))
    expected = TSNE(init="pca", random_state=3, n_jobs=1).fit_transform(leading)
    found = project_cloud(X, seed=3)
    assert found.shape == (120, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(project_cloud(X, seed=3, perplexity=10), expected)


def test_a_seed_gives_the_same_bytes_and_clusters_stay_together() -> None:
    X, labels = clusters()
    found = project_cloud(X, seed=1)
    assert found.tobytes() == project_cloud(X, seed=1).tobytes()
    assert nearest_is_of_the_same_cluster(found, labels)


@pytest.mark.skipif(find_spec("umap") is None, reason="needs umap-learn (requirements/maps.txt)")
@pytest.mark.filterwarnings("ignore")  # of its own imports
def test_umap_keeps_clusters_together_and_heeds_its_seed() -> None:
    X, labels = clusters()
    found = project_cloud(X, "umap", seed=1)
    assert nearest_is_of_the_same_cluster(found, labels)
    assert found.tobytes() == project_cloud(X, "umap", seed=1).tobytes()
    assert found.tobytes() != project_cloud(X, "umap", seed=2).tobytes()


def test_where_umap_is_absent_one_sentence_says_how_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"pip install -r requirements/maps\.txt"):
        project_cloud(clusters()[0], "umap")


@pytest.mark.parametrize(
    ("X", "options", "sentence"),
    [
        (np.ones((40, 5)), {}, "all of its 40 tokens are the same point"),
        (np.eye(30), {}, "X has 30 tokens; at least 31 are needed"),
        (np.eye(40), {"method": "pca"}, "method: 'pca' is neither 'tsne' nor 'umap'"),
        (np.eye(40), {"perplexity": 1}, "perplexity: 1 must be 2 or more"),
        (np.full((40, 5), np.nan), {}, "NaN"),
    ],
)
def test_what_has_no_map_is_told(X: np.ndarray, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        project_cloud(X, **options)


def test_a_turned_mirrored_and_moved_map_is_laid_onto_the_first() -> None:
    first = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    angle = 0.7
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    moved = (first @ turn + 5).astype(np.float32)
    np.testing.assert_allclose(aligned(moved, first), first, atol=1e-5)


def test_estimates_of_a_map_are_those_of_the_shown_reading(run: Path) -> None:
    usual = choose({}, SETTINGS)
    other = choose({}, SETTINGS.model_copy(update={"exclude": "document"}))
    assert (usual.exclude, other.exclude) == ("none", "document")
    values, moved = (choice.local(choice.clouds[0]) for choice in (usual, other))
    pd.testing.assert_series_equal(moved, values + 1000)
    stems = [file_stem(choice, "dimension", "tsne", 0) for choice in (usual, other)]
    assert stems[1] == stems[0] + "-document"


def test_the_usual_choice_is_base_beside_the_last_checkpoint(run: Path) -> None:
    choice = choose({}, SETTINGS)
    assert [cloud.checkpoint for cloud in choice.clouds] == STEPS
    assert {(cloud.split.corpus, cloud.layer) for cloud in choice.clouds} == {("news", 3)}
    assert (choice.estimator, choice.n_neighbors) == ("twonn", 128)
    assert choose({"layer": -3}, SETTINGS).clouds[0].layer == 1
    asked = {"checkpoint": ["10"], "corpus": "letters", "estimator": "lpca", "n_neighbors": 64.0}
    choice = choose(asked, SETTINGS)
    assert choice.clouds == [Cloud("10", SPLITS[1], 3, 0)]
    assert (choice.estimator, choice.n_neighbors) == ("lpca", 64)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--corpus", "poems"], "corpus: poems was not estimated; there are news, letters"),
        (["--layer", "2"], "layer: 2 was not estimated; there are 1, 3"),
        (["--checkpoint", "base", "20"], "checkpoint: 20 was not estimated; there are base, 10"),
        (["--n-neighbors", "32"], "n_neighbors: 32 was not estimated; there are 64, 128"),
        (["--estimator", "mle"], "estimator: mle was not estimated; there are twonn, lpca"),
        (["--colour", "tag"], "have no column 'tag'; there are dimension, sequence, position"),
        (["--colour", "part_of_speech"], "(embed.tag_parts_of_speech: true makes it)"),
        (["--corpus", "letters", "--colour", "token"], "(the text may not be passed on)"),
        (["--points", "0"], "points: 0 tokens make no map"),
        (["--points", "20"], "X has 20 tokens; at least 31 are needed"),
    ],
)
def test_a_wrong_choice_is_told_with_what_there_is(
    run: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setattr(Aggregate, "read", classmethod(lambda cls: SETTINGS))
    with pytest.raises(SystemExit) as caught:
        main(["project", *arguments, "--out", str(run)])
    assert sentence in str(caught.value)
    assert not list(run.glob("*.html"))


def test_every_checkpoint_shows_the_same_tokens_with_its_own_estimates(run: Path) -> None:
    choice = choose({"estimator": "lpca"}, SETTINGS)
    points = map_tokens(choice, "label", points=500)
    first, second = (points[points["checkpoint"] == step] for step in STEPS)
    shared = drawn_rows("10")
    assert first["row"].tolist() == second["row"].tolist() == shared.tolist()
    assert first["token"].tolist() == [BREAKING, *(f"word{i}" for i in shared[1:])]
    expected = np.where(np.arange(80) < 20, shared + 128.0, np.nan)  # lPCA: the first 20
    np.testing.assert_array_equal(second["dimension"].to_numpy(), expected)
    assert second["colour"].tolist() == (shared % 2 == 0).tolist()
    states = np.load(paths.cell(paths.HIDDEN_STATES, "base", "news", "test") / paths.layer_file(3))
    alone = project_cloud(states[shared])
    np.testing.assert_allclose(first[["x", "y"]].to_numpy(), alone, atol=1e-3)


def test_groups_are_the_most_frequent_then_other_then_none() -> None:
    values = pd.Series([f"v{i:02}" for i in range(15) for _ in range(20 - i)] + [None, ""])
    names = colours.group_names(values)
    legend = colours.legend(names)
    assert [group.name for group in legend] == [
        *(f"v{i:02}" for i in range(11)),
        "all others",
        "no value",
    ]
    assert len({(group.colour, group.shape) for group in legend}) == 13
    assert int((names == "all others").sum()) == sum(20 - i for i in range(11, 15))
    twelve = colours.group_names(pd.Series(range(12)))
    assert set(twelve) == set(map(str, range(12)))


def test_numbers_get_a_scale_and_classes_get_groups() -> None:
    assert colours.is_quantity(pd.Series(range(13)))
    assert not colours.is_quantity(pd.Series([0, 1] * 20))
    assert not colours.is_quantity(pd.Series([True, False] * 20))
    assert not colours.is_quantity(pd.Series(map(str, range(50))))
    assert colours.ends(pd.Series([*range(101), np.nan])) == [1, 99]
    assert colours.ends(pd.Series([7.0, 7.0])) == [6.5, 7.5]
    assert colours.ends(pd.Series([np.nan])) == [0, 1]


class Addresses(HTMLParser):
    """Addresses that a page loads by itself; what its scripts hold as text does not count."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str | None] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.found += [value for name, value in attrs if name in ("src", "href")]


def drawn(colour: str = "dimension", **asked: object) -> tuple[alt.FacetChart, str]:
    choice = choose(asked, SETTINGS)
    points = map_tokens(choice, colour, points=60)
    return figure(points, choice, colour, "tsne", 0), file_stem(choice, colour, "tsne", 0)


def test_the_page_is_whole_and_cannot_be_broken_by_a_token(run: Path) -> None:
    chart, stem = drawn()
    text = page(chart, stem).decode()
    parsed = Addresses(text)
    assert parsed.scripts == 2  # Vega, and the chart
    assert parsed.found == []
    assert not re.search(r"@import|url\(", text.split("<script")[0])
    assert BREAKING not in text
    spec = json.loads(text.split("const spec = ")[1].split(";\n")[0])
    records = next(iter(spec["datasets"].values()))
    assert len(records) == 120
    tokens = {BREAKING, *(f"word{i}" for i in drawn_rows("10")[1:60])}
    assert {record["token"] for record in records} == tokens
    assert "local dimension (TwoNN, L = 128)" in text
    assert stem == "news-test-layer-3-seed-0-base-10-tsne-0-twonn-128"


def test_hostile_tokens_groups_and_names_are_data_of_the_page(run: Path) -> None:
    file = paths.tokens("news", "test")
    table = pd.read_parquet(file)
    labels = dict(zip(drawn_rows("base"), LABELS.values(), strict=False))
    table["token"] = [labels.get(row, "plain") for row in table.index]
    table["label"] = [labels.get(row, "others") for row in table.index]
    write_table(file, table)
    chart, _ = drawn("label")
    for name in LABELS.values():  # of the file, which its title is
        parsed = Page(page(chart, name).decode())
        assert [tag for tag in parsed.tags if tag in ("script", "title")] == [
            "title",
            "script",
            "script",
        ]
        assert not {"img", "iframe", "link", "object", "base"} & {*parsed.tags}
        assert parsed.runs == []
        assert name in parsed.text
    spec = specification(parsed.scripts[1], "const spec =")
    records = next(iter(spec["datasets"].values()))
    assert {*LABELS.values()} <= {record["token"] for record in records}
    assert "\u2028" not in parsed.scripts[1]  # which ends a line of older scripts


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_without_network_draws_every_token(run: Path) -> None:
    assert CHROMIUM is not None
    chart, stem = drawn()
    file = run / f"{stem}.html"
    file.write_bytes(page(chart, stem).replace(b'"canvas"', b'"svg"'))  # marks in the document
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    switches += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    switches += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={run / 'profile'}"]
    switches += ["--virtual-time-budget=8000", "--dump-dom"]
    shown = subprocess.run(
        [CHROMIUM, *switches, file.as_uri()], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert shown.count('aria-roledescription="point"') == 120
    assert "Javascript Error" not in shown.split("<body")[1].split("<script")[0]
    assert "token: word" in shown


def test_a_private_text_leaves_no_token_in_any_file(run: Path) -> None:
    table = token_table(SPLITS[0])  # as if the embed stage had let the words through
    write_table(paths.tokens("letters", "test"), table)
    chart, stem = drawn("document", corpus="letters")
    for path in write_map(chart, run / "out", stem):
        content = path.read_bytes()
        assert not re.search(rb"word\d", content)
        assert b"doc-1" in content or path.suffix == ".png"
    with pytest.raises(ValueError, match="have no column 'token'"):
        drawn("token", corpus="letters")


@pytest.mark.parametrize("colour", ["dimension", "label"])
def test_files_are_the_same_bytes_again(run: Path, colour: str) -> None:
    first = [path.read_bytes() for path in write_map(*_at(run / "a", colour))]
    again = [path.read_bytes() for path in write_map(*_at(run / "b", colour))]
    assert first == again
    assert first[1].startswith(b"\x89PNG")
    assert first[2].startswith(b"<svg")


def _at(folder: Path, colour: str) -> tuple:
    chart, stem = drawn(colour)
    return chart, folder, stem


def test_tokens_without_an_estimate_are_grey_and_told_of(run: Path) -> None:
    chart, _ = drawn(estimator="lpca")
    svg = render(chart)["svg"].decode()
    groups = re.findall(r'<g class="mark-symbol role-mark[^>]*>(.*?)</g>', svg)
    marks = [fill for group in groups for fill in re.findall(r'fill="([^"]*)"', group)]
    assert len(marks) == 2 * 60
    assert marks.count(colours.MISSING) == 2 * (60 - 20)
    assert "Grey tokens have none." in svg
    assert "Grey" not in render(drawn()[0])["svg"].decode()


@pytest.mark.parametrize(
    ("colour", "field", "shaped"), [("label", "nominal", True), ("number", "quantitative", False)]
)
def test_a_column_is_coloured_by_what_it_holds(
    run: Path, colour: str, field: str, shaped: bool
) -> None:
    encoding = drawn(colour)[0].to_dict()["spec"]["encoding"]
    assert (encoding["fill"]["type"], encoding["fill"]["title"]) == (field, colour)
    assert ("shape" in encoding) is shaped


def test_the_command_prints_the_three_files(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Aggregate, "read", classmethod(lambda cls: SETTINGS))
    main(["project", "--checkpoint", "10", "--points", "50", "--out", str(run / "maps")])
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.suffix for path in printed] == [".html", ".png", ".svg"]
    assert all(path.stat().st_size > 1000 for path in printed)
