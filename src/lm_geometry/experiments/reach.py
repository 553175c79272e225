"""Whether the hub that a model comes from can be reached, found out before anything runs."""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

from lm_geometry.experiments.experiment import Raw
from lm_geometry.models.hub_errors import hub_error

HUB = "https://huggingface.co"
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def refuse_unreached(params: Raw, models: dict[str, Any]) -> None:
    """Raises ValueError for a model of the hub that is in no cache, where the hub has no address.

    Asked once: the hub's libraries would ask five times, and wait in between, half a minute in
    all. Behind a proxy, which asks itself, and with HF_HUB_OFFLINE, nothing is asked.
    """
    name = params["model"]["name"]
    source = str(models.get(name, {}).get("source", name))
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    if not source.startswith("hub:") or offline or any(map(os.environ.get, PROXIES)):
        return
    if _has_address(os.environ.get("HF_ENDPOINT") or HUB) or _in_cache(source):
        return
    raise ValueError(f"model.name: {hub_error(ConnectionError(), source)}")


def _has_address(endpoint: str) -> bool:
    try:
        return bool(socket.getaddrinfo(urlsplit(endpoint).hostname, 443))
    except OSError:
        return False


def _in_cache(source: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    id, _, revision = source.removeprefix("hub:").partition("@")
    return isinstance(try_to_load_from_cache(id, "config.json", revision=revision or None), str)
