"""The results of a pipeline run: full tables, headline metrics, figures."""

from lm_geometry.aggregate.described import described, label
from lm_geometry.aggregate.figure_rows import FigureTables
from lm_geometry.aggregate.figures import corpus_figures
from lm_geometry.aggregate.headline import headline
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.private_figures import draw_private_groups
from lm_geometry.aggregate.prompt_figure_rows import prompt_figures
from lm_geometry.aggregate.prompts import write_prompt_tables
from lm_geometry.aggregate.shown import resolve
from lm_geometry.aggregate.tables import make_tables
from lm_geometry.figures.export import write_figures
from lm_geometry.outs.data_prep.model import read_model_source
from lm_geometry.outs.estimate.clouds import read_estimated
from lm_geometry.outs.estimate.prompts import read_records
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_curves import curve_records
from lm_geometry.outs.finetune.training_run import read_training_run
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json


def run() -> None:
    """Write data/tables, metrics and figures, as params.yaml says."""
    write_results(Aggregate.read())


def write_results(settings: Aggregate) -> None:
    """Write data/tables, metrics/summary.json, and the data and pictures of every figure."""
    source, training = read_model_source(), read_training_run()
    estimated = read_estimated()
    shown = resolve(settings, estimated)
    tables = make_tables(training.corpus, settings, shown, source.source)
    where = estimated.embedded.points
    tables.write(where)
    write_json(paths.SUMMARY, headline(tables, shown))
    figures = FigureTables(
        tables=tables,
        shown=shown,
        fine_tuned=training.corpus if estimated.embedded.checkpoints != [BASE] else None,
        curve=training.curve,
        confidence=settings.confidence,
        listed=settings.groups.listed,
    )
    lines = described(source, shown, estimated, settings, tables.means)
    prompt_tables = write_prompt_tables(settings.confidence, settings.bootstrap, where)
    prompts = prompt_figures(prompt_tables, read_records(), shown.checkpoint, label(source, where))
    records = {**dict(corpus_figures(figures, lines)), **dict(prompts)}
    for name, rows in records.items():
        write_json(paths.PLOTS / f"{name}.json", rows)
    drawn = {"training": curve_records(training)}
    write_figures(records | drawn, paths.PLOTS)
    draw_private_groups(figures, lines)
