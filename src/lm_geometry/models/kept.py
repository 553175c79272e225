"""Models that `lm-geometry keep` put into the catalogue: checkpoints of earlier experiments.

Their files are in `models/NAME`, which DVC tracks: git holds `models/NAME.dvc`, and `dvc push` and
`dvc pull` carry the weights. An experiment's clone has no `models/NAME` of its own, or an older
one; what a name with its hash stands for is then taken from DVC's cache or remote into the
machine's own folder.
"""

from functools import cache
from pathlib import Path
from typing import Any

from lm_geometry.workspace.files import whole_folder
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.section import ROOT

MODELS = ROOT / "models"
ADAPTERS = "adapter_config.json"
BASE_SOURCE = "base.json"  # the record of the model that adapters belong to


def fetch_kept(name: str, sha256: str, downloads: Path) -> Path:
    """The folder of a kept model in Hugging Face layout, or of its adapters.

    Raises FileNotFoundError, one sentence, where neither this folder, nor DVC's cache, nor its
    remote has files of that hash.
    """
    own = downloads / "kept" / sha256[:24]
    folder = next((place for place in (own, MODELS / name) if _is(place, sha256)), None)
    if folder is None:
        folder = _from_dvc(name, sha256, own)
    return folder


@cache
def _is(folder: Path, sha256: str) -> bool:
    return folder.is_dir() and path_hash(folder) == sha256


def _from_dvc(name: str, sha256: str, target: Path) -> Path:
    from dvc.api import DVCFileSystem

    inside = f"{MODELS.name}/{name}"
    files: Any = DVCFileSystem(str(ROOT))
    try:
        with whole_folder(target) as temporary:
            for path in files.find(inside):
                file = temporary / Path(path).relative_to(inside)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(files.read_bytes(path))
            if path_hash(temporary) != sha256:
                raise FileNotFoundError("its files have another hash")
    except OSError as error:
        raise FileNotFoundError(
            f"the kept model {name} is not on this machine ({error}): `dvc pull "
            f"{inside}.dvc` brings it from the remote, or `lm-geometry keep` makes it again"
        ) from None
    return target
