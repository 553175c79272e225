"""Errors of the hub's libraries, raised by these libraries, become one sentence."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

from lm_geometry.models.hub_errors import hub_error

ANSWERS = {
    "gated": (403, "GatedRepo", "Access to this repository is restricted."),
    "missing": (401, "RepoNotFound", "Repository not found"),
    "revision": (404, "RevisionNotFound", "Invalid rev id"),
    "entry": (404, "EntryNotFound", "Entry not found"),
    "token": (401, "", "Invalid credentials in Authorization header"),
    "closed": (403, "", "Forbidden"),
}


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does: the owner's name in the path says which error is wanted."""

    def do_HEAD(self) -> None:
        owner = next(name for name in ANSWERS if f"/{name}/" in self.path)
        status, code, message = ANSWERS[owner]
        self.send_response(status)
        self.send_header("X-Error-Message", message)
        self.send_header("X-Repo-Commit", "0" * 40)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("gated", "is gated: accept its terms"),
        ("missing", "does not exist, or is private"),
        ("revision", "has no such revision"),
        ("entry", "has not the file"),
        ("token", "refuses the login"),
        ("closed", "is not open to this login"),
    ],
)
def test_answers_of_a_hub_become_one_sentence(
    hub: str, owner: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "hf_" + "secretsecret"
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each answer has its own class
        huggingface_hub.hf_hub_download(
            f"{owner}/corpus",
            "data.zip",
            repo_type="dataset",
            endpoint=hub,
            cache_dir=tmp_path,
            token=token,
        )
    sentence = hub_error(caught.value, f"datasets/{owner}/corpus")
    assert sentence.startswith(f"https://huggingface.co/datasets/{owner}/corpus {told}")
    assert "\n" not in sentence
    assert token not in sentence
    if owner in ("gated", "missing", "token", "closed"):
        assert "set HF_TOKEN or run `hf auth login`" in sentence


def test_offline_and_unreachable_say_how_to_go_on() -> None:
    try:
        try:
            raise OfflineModeIsEnabled("Cannot reach the hub: offline mode is enabled.")
        except OfflineModeIsEnabled as offline:
            raise LocalEntryNotFoundError("not in the local cache") from offline
    except LocalEntryNotFoundError as error:
        sentence = hub_error(error, "hub:org/model@v1")
    assert sentence.startswith("https://huggingface.co/org/model is not in this machine's cache")
    assert "HF_HUB_OFFLINE" in sentence
    # What transformers makes of the same: an OSError that keeps the cause.
    wrapped = OSError("We couldn't connect to the hub to load the files")
    wrapped.__cause__ = LocalEntryNotFoundError("check your connection")
    assert "cannot be reached" in hub_error(wrapped, "org/model")
    assert "file:PATH" in hub_error(ConnectionError("Couldn't reach"), "datasets/a/b")


def test_a_login_in_an_error_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "tiny-secret")
    error = RuntimeError("failed with tiny-secret and hf_abcdEFGH1234 (Bearer xyz)")
    sentence = hub_error(error, "org/model")
    assert "failed with" in sentence
    assert not [word for word in ("tiny-secret", "abcdEFGH", "xyz") if word in sentence]
