"""`lm-geometry report`: the results of a study in one HTML page to send or to keep."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", help="a study that was run: a folder of studies/results")
    parser.add_argument("--out", type=Path, help="default: studies/results/NAME/report.html")


def run(arguments: argparse.Namespace) -> None:
    """Write the page, and print where it is."""
    from lm_geometry.studies.definition import RESULTS, read_study
    from lm_geometry.studies.report.web_page import write_web_page

    name = arguments.name
    path = arguments.out or RESULTS / name / "report.html"
    print(write_web_page(name, read_study(name), path))
