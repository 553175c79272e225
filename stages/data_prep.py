"""Prepare the training corpus, the compared corpora and the prompts; resolve the model's name.

dvc repro data-prep
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry import paths
    from lm_geometry.model_names import resolve
    from lm_geometry.params.data_prep import DataPrep
    from lm_geometry.params.model import Model
    from lm_geometry.params.seed import read_seed
    from lm_geometry.preparing import prepare_corpora
    from lm_geometry.prompt_selection.preparing import prepare_prompts
    from lm_geometry.store.files import write_json

    model, data = Model.read(), DataPrep.read()
    source = resolve(model, read_seed())
    counts = prepare_corpora(data)
    prepare_prompts(data.prompts, data, model)
    write_json(paths.CORPORA / "counts.json", counts)
    write_json(paths.MODEL, source.record())


if __name__ == "__main__":
    main()
