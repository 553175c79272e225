"""The texts of the pages, in files beside this one."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lm_geometry.experiments.experiment import written


@cache
def template(name: str) -> Template:
    """The template in `NAME.jinja`; what is put into HTML is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["written"] = written
    return environment.get_template(f"{name}.jinja")
