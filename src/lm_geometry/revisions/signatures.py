"""Files signed by a key of SSH, as git signs commits."""

import subprocess
from pathlib import Path

NAMESPACE = "lm-geometry"  # a signature that was made for another purpose does not count


def signature_of(file: Path) -> Path:
    """Where ssh-keygen puts the signature of a file."""
    return file.with_name(f"{file.name}.sig")


def sign(file: Path, key: Path) -> Path:
    """Path of the signature, made anew; raises ValueError with ssh-keygen's words."""
    signature_of(file).unlink(missing_ok=True)  # it would ask
    _keygen("sign", "-f", str(key), "-n", NAMESPACE, str(file))
    return signature_of(file)


def signer_of(file: Path, signers: Path | None) -> str:
    """Who signed a file, in words: one of `signers`, or without these the key alone.

    `signers` is a file as git's `gpg.ssh.allowedSignersFile`. Raises ValueError where the
    signature is not of this content, or of none of the signers.
    """
    signature, content = str(signature_of(file)), file.read_bytes()
    if signers is None:
        told = _keygen("check-novalidate", "-n", NAMESPACE, "-s", signature, content=content)
        return f"{told.strip()} (whose that is, --signers FILE tells)"
    found = _keygen("find-principals", "-s", signature, "-f", str(signers)).splitlines()
    told = _keygen(
        *("verify", "-f", str(signers), "-I", found[0], "-n", NAMESPACE, "-s", signature),
        content=content,
    )
    return told.strip()


def _keygen(*words: str, content: bytes | None = None) -> str:
    command = ["ssh-keygen", "-Y", *words]
    try:
        ran = subprocess.run(command, input=content, capture_output=True)
    except FileNotFoundError:
        raise ValueError("ssh-keygen is not on the path: OpenSSH brings it") from None
    printed = (ran.stdout + ran.stderr).decode(errors="replace").strip()
    if ran.returncode != 0:
        raise ValueError(f"ssh-keygen -Y {words[0]}: {printed}")
    return ran.stdout.decode(errors="replace")
