"""The errors of the hub's libraries, told in one sentence that says what to do."""

import contextlib
import os
import re
from collections.abc import Iterator

LOGIN = "set HF_TOKEN or run `hf auth login`"
TOKEN = re.compile(r"hf_\w{4,}|(?<=Bearer )\S+")
# Class names, and words of messages whose class tells nothing, in the order in which they decide:
# a gated repository is also "not found", and that comes with status 401 to a stranger.
KINDS = [
    (
        r"GatedRepoError|(?<!private or )gated (repo|dataset)",
        "{page} is gated: accept its terms on that page, then " + LOGIN,
    ),
    (
        r"OfflineModeIsEnabled|outgoing traffic has been disabled|offline mode is enabled",
        "{page} is not in this machine's cache and HF_HUB_OFFLINE is set: unset it once to "
        "download, or name a local copy as file:PATH",
    ),
    (
        r"RepositoryNotFoundError|DatasetNotFoundError|not a valid model identifier"
        r"|not a local folder or a valid repository",
        "{page} does not exist, or is private: check the spelling, or " + LOGIN,
    ),
    (
        r"RevisionNotFoundError|not a valid git identifier",
        "{page} has no such revision: look at the branches and tags on that page",
    ),
    (
        r"status 401|Invalid credentials|Invalid user token",
        "{page} refuses the login: it is wrong or has expired; " + LOGIN + " with a valid token",
    ),
    (
        r"status 403",
        "{page} is not open to this login: ask for access on that page, then " + LOGIN,
    ),
    (
        r"LocalEntryNotFoundError|ConnectionError|ConnectError|ConnectTimeout|ReadTimeout"
        r"|ProxyError|couldn't connect",
        "{page} cannot be reached and is not in this machine's cache: connect once (then "
        "HF_HUB_OFFLINE=1 uses the cached copy), or name a local copy as file:PATH",
    ),
    (
        r"Dataset scripts are no longer supported",
        "{page} is a loading script, which is never run: its converted copy may be read as "
        "hub:{id}@refs/convert/parquet",
    ),
    (
        r"EntryNotFoundError|DataFilesNotFoundError|does not appear to have|BuilderConfig",
        "{page} has not the file or configuration that was asked for: {reason}",
    ),
]


@contextlib.contextmanager
def hub_errors(source: str) -> Iterator[None]:
    """Turns the errors of the hub's libraries into one sentence that says what to do.

    Of any source, JSON in which lists and objects stand too deep raises ValueError.
    """
    try:
        yield
    except RecursionError:
        raise ValueError(
            f"{source}: lists and objects of one of its JSON files stand too deep in each other"
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        if not source.startswith("hub:"):
            raise
        raise SystemExit(hub_error(error, source)) from None


def hub_error(error: BaseException, id: str) -> str:
    """One sentence for an exception of huggingface_hub, transformers or datasets.

    `id` is `OWNER/NAME` of a model, `datasets/OWNER/NAME` of a corpus, or a `hub:` source.
    A login token never appears in the sentence.
    """
    id = id.removeprefix("hub:").partition("@")[0]
    told = "\n".join(_told(error))
    reason = _without_token(str(error).strip().partition("\n")[0]) or type(error).__name__
    sentence = "{page} cannot be loaded: {reason}"
    for pattern, known in KINDS:
        if re.search(pattern, told, re.IGNORECASE):
            sentence = known
            break
    return sentence.format(
        page=f"https://huggingface.co/{id}", id=id.removeprefix("datasets/"), reason=reason
    )


def _told(error: BaseException) -> Iterator[str]:
    """Class names, status and message of the error and of what it came from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield from _own(current)
        current = current.__cause__ or current.__context__


def _own(error: BaseException) -> Iterator[str]:
    yield type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        yield f"status {status}"
    yield str(error)


def _without_token(text: str) -> str:
    token = os.environ.get("HF_TOKEN")
    return TOKEN.sub("…", text.replace(token, "…") if token else text)
