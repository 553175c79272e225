"""At which scale? The clouds of the last run's base model, read near and far.

    python benchmarks/scales.py --layers 20 30

scales.csv has what `lm_geometry.scales` reads of each corpus and layer, with all neighbours and
without those of a token's own sequence; scales_plateaus.csv where GRIDE is level. The figure of the
last layer's first corpus is docs/scales.svg. About 20 processor-seconds a cloud of 6,000 tokens.
"""

import argparse
from pathlib import Path

import pandas as pd

from lm_geometry import scales
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.figures.corpus_labels import corpus_labels
from lm_geometry.figures.export import render
from lm_geometry.figures.scales import scales_chart
from lm_geometry.outs.embed.hidden_states import read_embedded
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import Cloud, read_cloud, read_seeds

FILE = Path(__file__).with_name("scales.csv")
FIGURE = Path(__file__).parents[1] / "docs" / "scales.svg"


def main() -> None:
    """Write the two tables and the figure."""
    embedded, chosen = read_embedded(), Estimate.read().jackknife
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layers", type=int, nargs="+", default=embedded.layers[-1:])
    asked = parser.parse_args()
    readings, plateaus = [], []
    for layer in asked.layers:
        for number, split in enumerate(embedded.splits):
            X, rows = read_cloud(Cloud(BASE, split, layer, read_seeds()[0]))
            labels = Readings(split, chosen.groups, chosen.seed).labels("sequence", rows)
            found = scales(X, labels)
            keys = {"corpus": split.corpus, "layer": layer}
            readings += [keys | one._asdict() for one in found.readings]
            plateaus += [keys | one._asdict() for one in found.plateaus]
            if number == 0 and layer == asked.layers[-1]:
                name = corpus_labels([split.corpus])[split.corpus]
                title = f"{name}, layer {layer}, base, {len(X):,} tokens; groups: sequences"
                ours = ([one._asdict() for one in part] for part in found)
                FIGURE.write_bytes(render(scales_chart(*ours, title=title))["svg"])
            print(split.corpus, layer, found.plateaus, flush=True)
    pd.DataFrame(readings).round(4).to_csv(FILE, index=False)
    pd.DataFrame(plateaus).round(4).to_csv(FILE.with_stem("scales_plateaus"), index=False)


if __name__ == "__main__":
    main()
