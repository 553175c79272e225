"""Gathers what `mkdocs build` makes a site of: the pages, one per room of the library, a gallery.

    python docs/site_pages.py        into .scratch/site/pages, each at its place in the repository

Pages link to each other as they do in the repository. What a page links to and no page is (a
notebook, a script) is copied beside them, so that no link is dead.
"""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import study_gallery

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / ".scratch" / "site" / "pages"
STUB = ROOT / "src" / "lm_geometry" / "__init__.pyi"
KINDS = {".md", ".svg", ".png"}
NOT_SHOWN = ("docs/sentences/", "tests/", ".github/")
LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=[)#])")
TITLES = {
    "dimension": "Dimension",
    "measure": "Models and trainings",
    "models": "Weights",
    "neighbours": "Neighbourhoods",
    "observables": "Observables and signals",
    "point_cloud": "Point clouds",
    "revisions": "Results",
    "surrogates": "Null models",
}


def tracked() -> list[Path]:
    """The files of the repository that are pages or pictures of pages, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [p for p in paths if p.suffix in KINDS and not p.as_posix().startswith(NOT_SHOWN)]


def linked(page: str, folder: Path) -> Iterator[Path]:
    """The files that a page in `folder` links to, from the repository's root."""
    for link in LINK.findall(page):
        if "://" not in link and (path := (ROOT / folder / link).resolve()).is_relative_to(ROOT):
            yield path.relative_to(ROOT)


def with_pages_of_folders(page: str, folder: Path) -> str:
    """The page with each link to a folder of pages as one to its README.md."""

    def named(link: re.Match[str]) -> str:
        path = ROOT / folder / link[1]
        return f"{link[1].rstrip('/')}/README.md" if (path / "README.md").is_file() else link[1]

    return LINK.sub(named, page)


def library() -> dict[str, list[str]]:
    """The public names of each room, with their modules, as `lm_geometry`'s stub has them."""
    rooms: dict[str, list[str]] = {}
    for statement in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            room = statement.module.partition(".")[0]
            names = [f"lm_geometry.{statement.module}.{alias.name}" for alias in statement.names]
            rooms.setdefault(room, []).extend(names)
    return rooms


def gather(folder: Path = PAGES) -> list[Path]:
    """The files written below `folder`, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    found = dict.fromkeys(tracked())
    for path in list(found):
        if path.suffix == ".md":
            page = (ROOT / path).read_text(encoding="utf-8")
            found |= dict.fromkeys(p for p in linked(page, path.parent) if (ROOT / p).is_file())
    for path in found:
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            page = (ROOT / path).read_text(encoding="utf-8")
            copy.write_text(with_pages_of_folders(page, path.parent), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / path, copy)
    written = [folder / path for path in found]
    for room, names in library().items():
        page = folder / "library" / f"{room}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        entries = "\n\n".join(f"::: {name}" for name in names)
        page.write_text(f"# {TITLES[room]}\n\n{entries}\n", encoding="utf-8")
        written.append(page)
    page = folder / study_gallery.PAGE
    page.write_text(study_gallery.gallery(ROOT), encoding="utf-8")
    return [*written, page]


if __name__ == "__main__":
    print(f"{len(gather())} files in {PAGES.relative_to(ROOT)}")
