"""The results of a pipeline run: full tables, headline metrics, figures."""

import pandas as pd

from lm_geometry.aggregate.figure_rows import FigureTables
from lm_geometry.aggregate.headline import headline
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.prompt_figure_rows import prompt_figures
from lm_geometry.aggregate.prompts import write_prompt_tables
from lm_geometry.aggregate.shown import Shown, resolve
from lm_geometry.aggregate.tables import make_tables
from lm_geometry.estimate.params import Estimate
from lm_geometry.figures.export import write_figures
from lm_geometry.models.source import ModelSource
from lm_geometry.outs.data_prep.corpora import read_training
from lm_geometry.outs.data_prep.model import read_model_source
from lm_geometry.outs.embed.hidden_states import read_embedded
from lm_geometry.outs.estimate.prompts import read_records
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json, write_json

ESTIMATORS = {"twonn": "TwoNN", "lpca": "lPCA", "mle": "Levina–Bickel MLE"}


def write_results(settings: Aggregate, estimate: Estimate) -> None:
    """Write data/tables, metrics/summary.json, and the data and pictures of every figure."""
    source = read_model_source()
    embedded = read_embedded()
    shown = resolve(settings, estimate, embedded, source.layers)
    training = read_training().name
    tables = make_tables(training, settings, shown)
    tables.write()
    write_json(paths.METRICS / "summary.json", headline(tables, shown))
    figures = FigureTables(
        tables=tables,
        shown=shown,
        fine_tuned=training if embedded.checkpoints != [BASE] else None,
        curve=read_json(paths.LOSS_CURVE),
        settings=_settings(source, shown, estimate, settings, tables.means),
        confidence=settings.confidence,
        listed=settings.groups.listed,
    )
    prompt_tables = write_prompt_tables(settings.confidence, settings.bootstrap)
    prompts = prompt_figures(prompt_tables, read_records(), shown.checkpoint, _label(source))
    for name, records in [*figures.records(), *prompts]:
        write_json(paths.PLOTS / f"{name}.json", records)
    write_figures(paths.PLOTS)


def _label(source: ModelSource) -> str:
    return source.label + (" (untrained)" if source.weights == "random" else "")


def _settings(
    source: ModelSource, shown: Shown, estimate: Estimate, settings: Aggregate, means: pd.DataFrame
) -> dict[str, str]:
    """The line under each figure: what was measured, on how many points, with which rule."""
    model = _label(source)
    size = f"{shown.n_neighbors:g}" + (" of N" if shown.n_neighbors < 1 else "")
    rule = f", CDF {estimate.cdf}" if shown.estimator == "twonn" else ""
    clouds = max(means["clouds"].tolist(), default=1)
    cloud = f"N = {max(means['points'].tolist(), default=0):,} tokens"
    drawn_are = "documents" if clouds == 1 else f"documents and {clouds} clouds"
    local = f"{model} · local {ESTIMATORS[shown.estimator]}{rule} · {cloud} · L = {size} neighbours"
    intervals = f"{local} · {settings.confidence:.0%} intervals over {drawn_are}"
    drawn = settings.bootstrap.resample
    return {
        "loss": model,
        "dimension_by_checkpoint": intervals,
        "local_estimates": local,
        "dimension_by_layer": intervals,
        "layer_heat_map": intervals,
        "gride_by_scale": f"{model} · GRIDE · {cloud}",
        "difference_of_differences": intervals,
        "correlation": f"{local} · {settings.confidence:.0%} intervals over {drawn}",
        "groups": intervals,
    }
