"""Data files and pictures of figures: complete, refused when wrong, the same bytes each time."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import trapezoid

from lm_geometry.aggregate.density import violin_density
from lm_geometry.figures.export import NAMES, chart_function, render, write_figures
from lm_geometry.figures.records import MOST_RECORDS, figure_records
from tests.figure_rows import SETTINGS, records_of, rows_of


def test_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    paths = write_figures({figure: records_of(figure) for figure in NAMES}, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in paths} == {
        f"{suffix}/{figure}.{suffix}" for figure in NAMES for suffix in ("png", "svg")
    }
    again = render(chart_function("local_estimates")(records_of("local_estimates")))
    assert (tmp_path / "png" / "local_estimates.png").read_bytes() == again["png"]
    assert (tmp_path / "svg" / "local_estimates.svg").read_bytes() == again["svg"]


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="loss"):
        write_figures({}, tmp_path)


def test_wrong_records_are_refused_with_the_field_named() -> None:
    row = rows_of("loss")[0]
    with pytest.raises(ValueError, match=r"lacks the fields .'loss'"):
        figure_records("loss", [{k: v for k, v in row.items() if k != "loss"}], SETTINGS)
    with pytest.raises(ValueError, match=r"unknown fields .'perplexity'"):
        figure_records("loss", [row | {"perplexity": 1.0}], SETTINGS)
    with pytest.raises(ValueError, match="at most 10,000"):
        figure_records("loss", [row] * (MOST_RECORDS + 1), SETTINGS)
    with pytest.raises(ValueError, match="'losses' is unknown"):
        figure_records("losses", [row], SETTINGS)


def test_density_is_that_of_gaussian_kernels_with_scotts_bandwidth() -> None:
    values = np.random.default_rng(3).gamma(40, 0.3, 2000)
    grid, density = violin_density(values)
    bandwidth = values.std(ddof=1) * values.size ** (-1 / 5)
    scaled = (grid[:, None] - values) / bandwidth
    expected = np.exp(-0.5 * scaled**2).mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(density * expected.max(), expected, rtol=1e-9)
    assert trapezoid(expected, grid) == pytest.approx(1, abs=2e-3)
    assert trapezoid(density * grid, grid) / trapezoid(density, grid) == pytest.approx(
        values.mean(), rel=1e-3
    )
    assert density.max() == 1
    np.testing.assert_array_equal(violin_density(values[::-1].copy())[0], grid)


@pytest.mark.parametrize("values", [[], [4.0], [4.0, 4.0], [np.nan, 4.0]])
def test_a_density_needs_two_different_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="two different finite values"):
        violin_density(values)


def test_a_figure_without_records_has_no_picture_and_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {"groups": "no group has a name", "loss": "the model was not fine-tuned"}
    tables = {
        name: figure_records(name, [], SETTINGS, nothing.get(name, "no values")) for name in NAMES
    }
    tables["dimension_by_layer"] = records_of("dimension_by_layer")
    (tmp_path / "svg").mkdir()
    (tmp_path / "svg" / "groups.svg").write_text("an earlier one")
    written = write_figures(tables, tmp_path)
    assert [path.name for path in written] == ["dimension_by_layer.png", "dimension_by_layer.svg"]
    assert [path.name for path in (tmp_path / "svg").iterdir()] == ["dimension_by_layer.svg"]
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("figures with nothing to show are left out: loss (the model was not ")
    assert "groups (no group has a name)" in said
    assert said.count("groups") == 1
