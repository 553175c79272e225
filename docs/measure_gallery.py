"""Measures the bundled models on a bundled text, for docs/gallery.md.

    python docs/measure_gallery.py minilm smollm2    writes them into docs/gallery.json, and draws
    python docs/measure_gallery.py                   draws docs/gallery.svg again

Of so many speeches the first characters are read, a document each; then
`python docs/write_sentences.py` fills the page.
"""

import json
import sys
from pathlib import Path

import pandas as pd

from lm_geometry.workspace.files import read_json, write_json

FOLDER = Path(__file__).resolve().parent
RESULT, FIGURE = FOLDER / "gallery.json", FOLDER / "gallery.svg"
MODELS = {"minilm": "all", "smollm2": [0, 5, 10, 15, 20, 25, 30]}
CORPUS, DOCUMENTS, CHARACTERS = "early-speeches", 24, 1600
PROMPT_TOKENS, PROMPTS = 256, 6
NEIGHBOURS = 128
GROUPS = 10  # of documents, for intervals by the jackknife


def texts() -> list[str]:
    """The beginning of each of the first documents of the corpus."""
    from lm_geometry.measure.texts import read_texts

    whole = read_texts(CORPUS).groupby("document", sort=False)["text"].agg("\n".join)
    return [text[:CHARACTERS] for text in whole.iloc[:DOCUMENTS]]


def measured(name: str) -> dict[str, object]:
    """What `lm-geometry measure --json` prints of a model."""
    from lm_geometry import measure

    record = measure(
        name,
        texts(),
        MODELS[name],
        n_neighbors=[NEIGHBOURS],
        jackknife=GROUPS,
        prompts={"tokens": PROMPT_TOKENS, "count": PROMPTS},
    )
    rows = json.loads(str(record.table.to_json(orient="records", double_precision=12)))
    return {"about": record.about, "table": rows}


def draw() -> None:
    """The figure of the page from what was measured: dimensions of both models by layer."""
    from lm_geometry.figures.export import render
    from lm_geometry.measure.chart import by_layer

    found = read_json(RESULT)
    rows = {name: pd.DataFrame(own["table"]) for name, own in found.items()}
    tables = {name: table.loc[table["level"] == "token"] for name, table in rows.items()}
    lines = [f"{name}: {own['about']['clouds']}" for name, own in found.items()]
    FIGURE.write_bytes(render(by_layer(tables, lines))["svg"])


if __name__ == "__main__":
    for model in sys.argv[1:]:
        there = read_json(RESULT) if RESULT.exists() else {}
        write_json(RESULT, there | {model: measured(model)})
    draw()
