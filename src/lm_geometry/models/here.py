"""Whether a model can be loaded on this machine as it is, with nothing fetched or converted."""

from pathlib import Path

from lm_geometry.models import sources
from lm_geometry.models.gguf import conversion
from lm_geometry.models.kept import MODELS
from lm_geometry.models.local_files import local_path
from lm_geometry.workspace import machine


def is_here(source: str) -> bool:
    """Whether what the source of a model names is on this machine; nothing is loaded."""
    parsed, downloads = sources.parse(source), machine.downloads()
    if parsed.scheme == "hub":
        return _in_the_hubs_cache(parsed)
    if parsed.scheme == "kept":
        own = downloads / "kept" / parsed.sha256[:24]
        return own.is_dir() or (MODELS / parsed.location).is_dir()
    if parsed.scheme == "file":
        return _is_readable(local_path(parsed.location))
    if not sources.package_folder(parsed, downloads).is_dir():
        return False
    return _is_readable(sources.fetch(parsed, downloads))


def _is_readable(place: Path) -> bool:
    return place.exists() and (place.suffix != ".gguf" or conversion(place).is_dir())


def _in_the_hubs_cache(source: sources.Source) -> bool:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.location, "config.json", revision=source.revision or None)
    return isinstance(found, str)
