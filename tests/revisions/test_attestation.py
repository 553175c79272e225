"""Results by SHA-256: what an attestation has, what differs from it, and who signed it."""

import copy
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from lm_geometry.revisions import attestation, signatures
from lm_geometry.revisions.attestation import attested, differences, other_versions
from lm_geometry.workspace.section import ROOT

LOCK = {
    "stages": {
        "embed": {
            "deps": [
                {"path": "data/model.json", "md5": "1"},
                {"path": "src/embed", "md5": "2.dir"},
            ],
            "params": {"params.yaml": {"embed": {"layers": [1]}}},
            "outs": [{"path": "data/states"}],
        },
        "data-prep": {"deps": [], "outs": [{"path": "data/model.json"}]},
    }
}
FILES = {"data/states/a/1.npy": b"one", "data/states/2.npy": b"two", "data/model.json": b"{}"}
ONE = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # sha256sum of "one"
MACHINE = {"versions": {"torch": "2.9", "numpy": "2.0"}}


class Files:
    """A tree in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.content = files

    def files(self, folder: Path) -> list[Path]:
        path = folder.relative_to(ROOT).as_posix()
        found = [name for name in self.content if f"{name}/".startswith(f"{path}/")]
        if not found:
            raise FileNotFoundError(path)
        return [ROOT / name for name in found]

    def open(self, path: Path) -> BinaryIO:
        return io.BytesIO(self.content[path.relative_to(ROOT).as_posix()])


def of(files: dict[str, bytes], lock: dict[str, Any] = LOCK) -> attestation.Attestation:
    return attested(Files(files), lock, "abc", MACHINE)


def test_every_file_is_there_by_its_hash_with_code_and_parameters() -> None:
    found = of(FILES)
    assert list(found["outs"]) == ["data/model.json", "data/states"]
    assert found["outs"]["data/states"]["data/states/a/1.npy"] == ONE
    assert found["code"] == {"embed": {"src/embed": "2.dir"}, "data-prep": {}}
    assert found["parameters"]["embed"] == {"embed": {"layers": [1]}}
    assert json.loads(json.dumps(found)) == found


def test_what_differs_is_named() -> None:
    told = of(FILES)
    assert differences(told, of(FILES)) == []
    files = FILES | {"data/states/a/1.npy": b"One", "data/states/new.npy": b""}
    del files["data/states/2.npy"]
    lock = copy.deepcopy(LOCK)
    embed: Any = lock["stages"]["embed"]
    embed["params"]["params.yaml"]["embed"]["layers"] = [2]
    embed["deps"][1]["md5"] = "3.dir"
    assert sorted(differences(told, of(files, lock))) == [
        "code of embed: src/embed is '3.dir', attested was '2.dir'",
        "data/states/2.npy: missing",
        "data/states/a/1.npy: another content",
        "data/states/new.npy: was not there",
        "parameter of embed: embed is {'layers': [2]}, attested was {'layers': [1]}",
    ]


def test_a_result_that_is_gone_or_new_is_named() -> None:
    more, less = of(FILES), of(FILES)
    del less["outs"]["data/model.json"]
    assert differences(more, less) == ["data/model.json: missing"]
    assert differences(less, more) == ["data/model.json: the attestation has no such result"]


def test_versions_are_told_and_no_fault() -> None:
    told, found = of(FILES), of(FILES)
    found["machine"] = {"versions": {"numpy": "2.0"}}
    assert other_versions(told, found) == ["torch is not here; attested with 2.9"]
    assert differences(told, found) == []


def test_another_file_is_no_attestation(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(ValueError, match="is no attestation of format 1"):
        attestation.read_attestation(tmp_path / "a.json")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key of SSH; `signers` beside it names whose it is."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen")
    file = tmp_path / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
    subprocess.run(words, check=True)
    public = file.with_suffix(".pub").read_text().strip()
    (tmp_path / "signers").write_text(f"me@example.org {public}\n")
    return file


def test_who_signed_is_told_and_no_other_content_passes(tmp_path: Path, key: Path) -> None:
    file = tmp_path / "attestation.json"
    file.write_text("{}")
    assert signatures.sign(file, key) == signatures.signature_of(file)
    assert signatures.sign(file, key).exists()  # again, without a question
    assert "me@example.org" in signatures.signer_of(file, tmp_path / "signers")
    assert "--signers FILE tells" in signatures.signer_of(file, None)
    file.write_text("{ }")
    for signers in (tmp_path / "signers", None):
        with pytest.raises(ValueError, match="ssh-keygen -Y"):
            signatures.signer_of(file, signers)


def test_a_signature_of_a_stranger_does_not_count(tmp_path: Path, key: Path) -> None:
    file = tmp_path / "attestation.json"
    file.write_text("{}")
    signatures.sign(file, key)
    stranger = (tmp_path / "signers").read_text().replace("AAAAC3", "AAAAC4", 1)
    (tmp_path / "others").write_text(stranger)
    with pytest.raises(ValueError, match="ssh-keygen -Y find-principals"):
        signatures.signer_of(file, tmp_path / "others")
    with pytest.raises(ValueError, match="ssh-keygen -Y"):
        signatures.signer_of(tmp_path / "signers", tmp_path / "signers")
