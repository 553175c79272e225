"""Charts that lay several revisions over each other, a colour for each; for DVC's pages alone."""

from collections.abc import Sequence

import altair as alt

from lm_geometry.figures import channels, panels, theme

# Other colours than those of the corpora, which the charts of one revision use.
COLOURS = ["#824bf0", "#e198b0", "#330a84", "#84f584", "#688cd3", "#3a5406"]
CELL = "isValid(datum.message) ? '' : datum.series + '\\n' + datum.split"
AT_LAYER = " + (isValid(datum.layer) ? ', layer ' + datum.layer : '')"
_NAMED = (
    "datum.revision + ': ' + datum.settings + (isValid(datum.reading) ? ' · ' + datum.reading : '')"
)


def laid_over(
    chart: panels.Layers, data: panels.Data, title: str, says: Sequence[str], cell: str = CELL
) -> panels.Panels:
    """`chart` once for every `cell`, a corpus split, with the records of every revision in it.

    `place` counts the revisions from 0, in the order in which DVC was given them; `named` is the
    revision with its settings, which tell whether the two may be compared.
    """
    figure = panels.Panels(
        data=panels.records_of(data),
        spec=panels.cells(chart, alt.Facet("cell:N", sort=channels.corpus_order()), columns=2),
        facet=alt.Facet("all:N", header=alt.Header(title=None, labels=False)),
        title=alt.Title(title, subtitle=list(says)),
        usermeta=panels.EMBED,
    )
    figure = panels.with_names(figure)
    figure = figure.transform_joinaggregate(first_row="min(row_of_data)", groupby=["rev"])
    figure = figure.transform_window(
        rank="dense_rank()", sort=[alt.SortField("first_row")], frame=[None, None]
    )
    figure = figure.transform_calculate(place="datum.rank - 1", named=_NAMED, cell=cell, all="''")
    return figure.configure(**theme.config())


def shown_reading() -> alt.Chart:
    """Records of the reading that each revision shows, without the one that stands beside."""
    return panels.only_records(alt.Chart()).transform_filter("!datum.beside")


def revision_colour() -> alt.Color:
    """Colour channel: a revision, named with its settings in a legend above the panels."""
    legend = alt.Legend(
        orient="top", direction="vertical", columns=1, labelLimit=0, symbolOpacity=1, offset=10
    )
    return alt.Color(
        "named:N",
        title="revision",
        sort=channels.first_of("place"),
        scale=alt.Scale(range=COLOURS),
        legend=legend,
    )
