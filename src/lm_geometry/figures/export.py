"""Figures as files: PNG and SVG of the tables in a folder."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import altair as alt

from lm_geometry.figures.records import FIELDS, Record, read_records
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.progress import progress

NAMES = tuple(FIELDS)
SUFFIXES = ("png", "svg")
PIXELS_PER_POINT = 2.0


def chart_function(figure: str) -> Callable[[Any], alt.FacetChart]:
    """The chart function of a figure by its name."""
    return import_module(f"lm_geometry.figures.{figure}").chart


def vega_lite_version() -> str:
    """Version of Vega-Lite that Altair writes, such as "6.4", which vl-convert must bundle."""
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    bundled = vl_convert.get_vegalite_versions()
    if version not in bundled:
        raise RuntimeError(
            f"altair {alt.__version__} writes Vega-Lite {version}; vl-convert-python "
            f"{metadata.version('vl-convert-python')} has {', '.join(bundled)}: "
            "install versions that agree"
        )
    return version


def write_figures(tables: Mapping[str, Sequence[Record]], plots: Path) -> list[Path]:
    """Paths of the pictures, `plots/png/<name>.png` and `plots/svg/<name>.svg` for each table.

    `tables` has the records of every figure by its name. The same table gives the same bytes;
    nothing is fetched. A figure without records has no picture, and is named with the reason in one
    line that is printed; a missing table raises KeyError.
    """
    written: list[Path] = []
    left_out: list[str] = []
    for figure in progress(NAMES, "figures"):
        records = read_records(figure, list(tables[figure]))
        if "message" in records[0]:
            left_out.append(f"{figure} ({records[0]['message']})")
            for suffix in SUFFIXES:
                _picture(plots, figure, suffix).unlink(missing_ok=True)
        else:
            written += write_figure(figure, records, plots).values()
    if left_out:
        print(f"figures with nothing to show are left out: {'; '.join(left_out)}", flush=True)
    return written


def write_figure(figure: str, records: Sequence[Record], plots: Path) -> dict[str, Path]:
    """Paths of one figure's pictures by their suffix."""
    written: dict[str, Path] = {}
    chart = chart_function(figure)(read_records(figure, list(records)))
    for suffix, content in render(chart).items():
        path = _picture(plots, figure, suffix)
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
        written[suffix] = path
    return written


def _picture(plots: Path, figure: str, suffix: str) -> Path:
    return plots / suffix / f"{figure}.{suffix}"


def render(chart: alt.FacetChart | alt.VConcatChart) -> dict[str, bytes]:
    """The chart as `png` (two pixels a point) and `svg`."""
    import vl_convert

    spec, version = chart.to_dict(), vega_lite_version()
    # a spoken label at every mark doubles an SVG, and is not read where it is shown as a picture
    spec.setdefault("config", {})["aria"] = False
    offline: list[str] = []  # no address may be read
    svg = vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=offline)
    # From the SVG, since laying out the chart again would take as long as all else.
    return {"png": vl_convert.svg_to_png(svg, scale=PIXELS_PER_POINT), "svg": svg.encode()}
