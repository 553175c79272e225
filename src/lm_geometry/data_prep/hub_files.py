"""Single files of a model on the hub, and the headers of its weights, which are small."""

from pathlib import Path

import torch

from lm_geometry.models.hub_errors import hub_error
from lm_geometry.models.local_files import SourceError
from lm_geometry.models.sources import Source


def hub_file(source: Source, name: str, required: bool = False) -> Path | None:
    """A small file of a model, from the hub or from this machine's cache; None where it is not.

    Where it is `required`, raises what the hub's libraries raise (`hub_errors`). What is asked for
    by a branch or tag is found in the cache by that name later, without a network.
    """
    from transformers.utils.hub import cached_file

    revision = {"revision": source.revision} if source.revision else {}
    quiet = {} if required else dict.fromkeys(QUIET, False)
    found = cached_file(source.location, name, **revision, **quiet)
    return None if found is None else Path(found)


# What `cached_file` gives None for: a file that the hub has not, or a hub that is not reached.
QUIET = (
    "_raise_exceptions_for_missing_entries",
    "_raise_exceptions_for_connection_errors",
    "_raise_exceptions_for_gated_repo",
)


def hub_header(source: Source) -> dict[str, torch.Tensor] | None:
    """Names and shapes of the weights of a revision, without a download of these.

    Tensors are on the device meta. None where the hub has them in no safetensors, of which alone a
    header can be asked for, or where it is not to be asked (offline). Raises SourceError.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import NotASafetensorsRepoError, OfflineModeIsEnabled

    try:
        found = HfApi().get_safetensors_metadata(source.location, revision=source.revision or None)
    except (NotASafetensorsRepoError, OfflineModeIsEnabled):
        return None
    except Exception as error:
        raise SourceError(hub_error(error, f"hub:{source.location}")) from error
    files = found.files_metadata.values()
    return {
        name: torch.empty(weight.shape, device="meta")
        for file in files
        for name, weight in file.tensors.items()
    }
