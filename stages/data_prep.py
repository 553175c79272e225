"""Prepare the training corpus, the compared corpora and the prompts; resolve the model's name.

dvc repro data-prep
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import DataPrep
    from lm_geometry.data_prep.prompts.run import prepare_prompts
    from lm_geometry.data_prep.run import prepare_corpora
    from lm_geometry.models.params import Model
    from lm_geometry.workspace import paths
    from lm_geometry.workspace.files import write_json
    from lm_geometry.workspace.seeds import read_seed

    model, data = Model.read(), DataPrep.read()
    source = resolve(model, read_seed())
    counts = prepare_corpora(data)
    prepare_prompts(data.prompts, data, model)
    write_json(paths.CORPORA / "counts.json", counts)
    write_json(paths.MODEL, source.record())


if __name__ == "__main__":
    main()
