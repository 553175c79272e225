"""`lm-geometry measure`: what it prints, and what it says of wrong input."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lm_geometry.commands.cli import main
from lm_geometry.measure.call import measure
from tests.conftest import TinyModel
from tests.measure.words import documents

FEW = ["--points", "150", "--n-neighbors", "8", "12", "--max-length", "32", "--layers", "-1", "50%"]


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    """Twelve files, a document each."""
    paths = [tmp_path / f"{number}.txt" for number in range(12)]
    for path, text in zip(paths, documents(12, words=60), strict=True):
        path.write_text(text)
    return [str(path) for path in paths]


def test_the_table_is_that_of_the_call(
    tiny_models: dict[str, TinyModel], texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tiny_models["llama"].folder)
    options = {"points": 150, "prepared": 300, "keep_tokens": 300, "n_neighbors": [8, 12]}
    paths = [Path(text) for text in texts]
    expected = measure(folder, paths, [-1, "50%"], max_length=32, **options)
    capsys.readouterr()
    main(["measure", folder, *texts, *FEW, "--csv"])
    printed = capsys.readouterr().out
    assert printed == expected.table.to_csv(index=False)
    main(["measure", folder, *texts, *FEW, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["about"] == expected.about
    assert [row["mean"] for row in found["table"]] == expected.table["mean"].tolist()
    main(["measure", folder, *texts, *FEW])
    shown = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert max(map(len, shown)) <= 100
    header = next(line.split() for line in shown if line.split()[0] == "layer")
    assert header[:4] == ["layer", "exclude", "n_neighbors", "mean"]
    assert {"lower", "upper"} <= set(header)
    main(["measure", folder, *texts, *FEW, "--wide"])
    shown = capsys.readouterr().out
    assert expected.about["intervals"] in shown
    table = pd.read_csv(io.StringIO(shown.split("\n\n")[1]), sep=r"\s+")
    assert table["points"].tolist() == expected.table["points"].tolist()


def test_two_models_are_compared_and_a_page_is_written(
    tiny_models: dict[str, TinyModel],
    texts: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, page = str(tiny_models["llama"].folder), tmp_path / "page.html"
    same = ["--compare", folder, "--page", str(page), "--csv"]
    main(["measure", folder, str(tmp_path), *FEW, *same])
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert (table["mean"] == 0).all()
    assert "less those of llama" in page.read_text()


WRONG = [
    (["--n-neighbors", "800", "--layers", "1"], "lm-geometry measure: n_neighbors: L = 800 needs"),
    (["--layers", "9"], "lm-geometry measure: there is no layer 9; there are 0 … 3"),
    (["--exclude", "documents"], "'documents' is neither none nor"),
    (["--estimators", "twon"], "estimators"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_wrong_input_ends_it_with_a_sentence(
    tiny_models: dict[str, TinyModel], texts: list[str], given: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["measure", str(tiny_models["llama"].folder), *texts, *given])
    assert told in str(ended.value.code)


def test_json_and_csv_are_not_printed_together(
    texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["measure", "smollm2", *texts, "--json", "--csv"])
    assert "--json is not allowed with --csv" in capsys.readouterr().err


MISTAKEN = [
    (["smolm2", "speeches"], "did you mean smollm2?"),
    (["smollm2", "speechs"], "did you mean speeches?"),
    (["smollm2", "notes-that-are-not-there.txt"], "does not exist"),
    (["smollm2", "speeches", "--compare", "minilmm"], "did you mean minilm?"),
]


@pytest.mark.parametrize(("given", "told"), MISTAKEN)
def test_names_that_are_mistaken_are_told_before_what_loads_models_is_imported(
    given: list[str], told: str
) -> None:
    """Which takes ten seconds: the answer to a typing mistake should not."""
    called = f"""
import sys
from lm_geometry.commands.cli import main
try:
    main({["measure", *given]})
except SystemExit as ended:
    print(ended.code)
print("imported:", "torch" in sys.modules or "transformers" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", called], capture_output=True, text=True)
    assert told in done.stdout
    assert done.stdout.endswith("imported: False\n")
