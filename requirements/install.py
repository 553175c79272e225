"""Installs files of pins into the environment whose Python runs this: with uv, or with pip alone.

    python requirements/install.py [--pip] FILE...

The files are complete and every line has its hashes. Dependencies are therefore not followed, and
torch, whose build is the machine's own and stands in none of these files, stays as it is.
"""

import argparse
import subprocess
import sys
from pathlib import Path

UV = Path(__file__).with_name("uv.txt")
AS_PINNED = ["--no-deps", "--require-hashes"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Install files of hashed pins.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--pip", action="store_true", help="do without uv")
    given = parser.parse_args()
    pins = [word for file in given.files for word in ("-r", file)]
    if not given.pip:
        if _uv_is_there() and _installed("uv", pins):
            return
        print("uv cannot be had or could not install here; pip does it.", flush=True)
    if not _installed("pip", pins):
        sys.exit(f"{', '.join(given.files)}: not installed, for the reason above.")


def _uv_is_there() -> bool:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *AS_PINNED, "-r", str(UV)]
    return subprocess.run(pip, check=False).returncode == 0


def _installed(installer: str, pins: list[str]) -> bool:
    """Whether `installer` could install the pins; what it does and why it fails, it prints."""
    python = [sys.executable, "-m"]
    commands = {
        "uv": [*python, "uv", "pip", "install", "--python", sys.executable],
        # As uv: compiled when first imported, and sources built with what they ask for themselves.
        "pip": [*python, "pip", "install", "--no-compile", "--use-pep517"],
    }
    done = subprocess.run([*commands[installer], *AS_PINNED, *pins], check=False)
    return done.returncode == 0


if __name__ == "__main__":
    main()
