"""Remotes of each kind on this machine: a folder, SSH (OpenSSH's server), and S3."""

import getpass
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ["folder", "ssh", "s3"]
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
SFTP_SERVER = """\
import asyncio, sys, asyncssh

async def serve(port, host, client):
    server = await asyncssh.listen(
        "127.0.0.1", int(port), server_host_keys=[host], authorized_client_keys=client,
        sftp_factory=True,
    )
    await server.wait_closed()

asyncio.run(serve(*sys.argv[1:]))
"""
Settings = dict[str, str]


@contextmanager
def remote(kind: str, folder: Path) -> Iterator[tuple[str, Settings]]:
    """URL of a remote that can be reached while the context is open, and DVC's settings for it."""
    folder.mkdir()
    if kind == "folder":
        yield str(folder / "remote"), {}
    elif kind == "s3":
        yield from _s3()
    else:
        yield from _ssh(folder)


def _s3() -> Iterator[tuple[str, Settings]]:
    pytest.importorskip("dvc_s3", reason="requirements/s3.txt is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    import boto3

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="bucket")
    client.close()
    yield "s3://bucket/results", {"endpointurl": f"http://{host}:{port}", **keys}
    running.stop()


def _ssh(folder: Path) -> Iterator[tuple[str, Settings]]:
    pytest.importorskip("dvc_ssh", reason="requirements/ssh.txt is not installed")
    import asyncssh

    for name in ("host", "client"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(folder / name)
        key.write_public_key(folder / f"{name}.pub")
        (folder / name).chmod(0o600)
    port = _free_port()
    command = _sshd(folder, port) if SSHD else _sftp(folder, port)
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(port, running, folder / "log")
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder / 'remote'}"
        yield url, {"keyfile": str(folder / "client")}
    finally:
        running.kill()
        running.wait()


def _sshd(folder: Path, port: int) -> list[str]:
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it gives up its rights
    lines = ["ListenAddress 127.0.0.1", f"Port {port}", f"HostKey {folder / 'host'}"]
    lines += [f"AuthorizedKeysFile {folder / 'client.pub'}", f"PidFile {folder / 'pid'}"]
    lines += ["StrictModes no", "UsePAM no", "Subsystem sftp internal-sftp"]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    return [str(SSHD), "-D", "-e", "-f", str(folder / "sshd_config")]


def _sftp(folder: Path, port: int) -> list[str]:
    """asyncssh's server, where OpenSSH's is not installed."""
    keys = [str(folder / "host"), str(folder / "client.pub")]
    return [sys.executable, "-c", SFTP_SERVER, str(port), *keys]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int, running: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if running.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.02)
