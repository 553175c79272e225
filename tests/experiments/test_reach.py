"""A model of a hub that cannot be reached is refused at once, and no other."""

import socket
from pathlib import Path

import pytest

from lm_geometry.experiments import reach
from lm_geometry.experiments.reach import refuse_unreached

MODELS = {"small": {"source": "hub:owner/small@main"}, "bundled": {"source": "package:x==1/y"}}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """No name has an address, and no model is in the cache; the names that were asked for."""
    asked: list[str] = []

    def fails(host: str, *_: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    monkeypatch.setattr(reach, "_in_cache", lambda source: "cached" in source)
    for name in (*reach.PROXIES, "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return asked


@pytest.mark.parametrize("name", ["small", "hub:owner/small"])
def test_a_model_that_cannot_be_had_is_told_at_once(name: str, no_network: list[str]) -> None:
    told = r"model\.name: https://huggingface\.co/owner/small cannot be reached .* file:PATH"
    with pytest.raises(ValueError, match=told):
        refuse_unreached({"model": {"name": name}}, MODELS)
    assert no_network == ["huggingface.co"]


@pytest.mark.parametrize("name", ["bundled", "file:/models/own", "hub:owner/cached"])
def test_a_model_that_is_here_is_taken(name: str, no_network: list[str]) -> None:
    refuse_unreached({"model": {"name": name}}, MODELS)


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "HTTPS_PROXY"])
def test_where_another_asks_nothing_is_asked(
    name: str, no_network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    refuse_unreached({"model": {"name": "small"}}, MODELS)
    assert no_network == []
