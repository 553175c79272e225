"""Renews the files of pins, with the hashes of all their wheels, for Python 3.11 to 3.13.

    make pins                     after pyproject.toml changed: what it needs, versions kept
    make pins UPGRADE=all         the newest versions that go together
    make pins UPGRADE=ruff,dvc    the newest of these

torch's own version is changed in torch.txt by hand. What stands above the first pin of a file
stays as it is.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PROJECT = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
# What base.txt pins: the core, and the extras that a clone has, which name each other.
BASE = [*PROJECT["dependencies"], *EXTRAS["models"], *EXTRAS["pipeline"]]
BASE.remove(f"{PROJECT['name']}[models]")

# Installed side by side, so that each package has one version in all of these.
FILES = ["cpu", "ssh", "s3", "gs", "azure", "slurm", "ray", "tags", "maps", "lightning"]
FILES += ["site", "test"]
# What a file builds on, and does not repeat; base alone, if it is not named.
BELOW = {"test": ["base", "ssh", "s3", "slurm", "tags"]}
# DADApy's environment is resolved apart (numpy 1), without what only checks or serves.
NOT_BESIDE_DADAPY = ("basedpyright", "flask", "import-linter", "moto", "pre-commit", "prek", "ruff")
# Which of these there are depends on the build of torch or faiss that a machine gets.
OF_A_BUILD = re.compile(r"(torch$|triton$|nvidia-|cuda-)")

PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", flags=re.MULTILINE)
Pins = dict[str, str]  # a package's name -> its lines: version, marker, hashes


def main() -> None:
    parser = argparse.ArgumentParser(description="Renew the files of pins.")
    parser.add_argument("--upgrade", default="", metavar="NAME,...", help="or all")
    upgrade = [name for name in parser.parse_args().upgrade.split(",") if name]
    torch = f"torch=={versions('torch')['torch']}"

    kept = known(["base", *FILES, "torch"])
    needed = [torch, *BASE, *(line for name in FILES for line in EXTRAS[name])]
    together = resolved(needed, kept, upgrade=upgrade)
    pinned = {name: lines.split()[0] for name, lines in together.items()}

    sets = {"base": set(resolved([torch, *BASE], pinned))}
    for name in FILES:
        below = set().union(*(sets[file] for file in BELOW.get(name, ["base"])))
        sets[name] = set(resolved(EXTRAS[name], pinned)) - below
    for name, packages in sets.items():
        write(name, [together[package] for package in sorted(packages)])

    of_torch = [p for p in resolved([torch], pinned) if p == "torch" or not OF_A_BUILD.match(p)]
    write("torch", [pinned[package] + "\n" for package in sorted(of_torch)], whole=True)
    write("gpu", [resolved(EXTRAS["gpu"], known(["gpu"]), upgrade=upgrade)["faiss-gpu"]])
    write("uv", resolved(["uv"], known(["uv"]), upgrade=upgrade).values())
    write("dadapy", beside_dadapy(torch, {**pinned, **known(["dadapy"])}, upgrade))


def beside_dadapy(torch: str, kept: Pins, upgrade: list[str]) -> list[str]:
    """The pins of DADApy's environment: those of Python 3.11, and what 3.12 needs besides."""
    tests = [line for line in EXTRAS["test"] if not line.startswith(NOT_BESIDE_DADAPY)]
    needed = [torch, *BASE, *tests]
    needed += [line for name in ("dadapy", "cpu", "tags") for line in EXTRAS[name]]
    first = resolved(needed, kept, python="3.11", upgrade=upgrade)
    both = {name: lines.split()[0] for name, lines in first.items()}
    every = resolved(needed, kept | both, python="3.12") | first
    return [every[name] for name in sorted(every)]


def resolved(
    needed: list[str], kept: Pins, *, python: str = "", upgrade: list[str] | None = None
) -> Pins:
    """What `needed` pulls in, itself included; versions of `kept` stay where they can.

    One Python version is resolved for Linux alone; else one answer serves 3.11 and newer on every
    system, with markers.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--python-version", python or "3.11"]
    command += ["--python-platform", "linux"] if python else ["--universal"]
    if upgrade == ["all"]:
        command += ["--upgrade"]
    command += [f"--upgrade-package={name}" for name in upgrade or [] if name != "all"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pins.txt"
        file.write_text("\n".join(kept.values()), encoding="utf-8")
        asked = "\n".join(needed)
        done = subprocess.run([*command, "-o", str(file)], input=asked, text=True, check=False)
        if done.returncode:
            sys.exit("The pins are as they were: uv found no versions that go together.")
        blocks = re.split(r"^(?=[a-z0-9])", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {found[1]: block for block in blocks if (found := PIN.match(block))}


def versions(name: str) -> Pins:
    """The version of each package in a file of pins; none where there is no such file."""
    file = FOLDER / f"{name}.txt"
    return dict(PIN.findall(file.read_text(encoding="utf-8"))) if file.exists() else {}


def known(names: list[str]) -> Pins:
    """The pins of some files as they are, without hashes."""
    every = [pin for name in names for pin in versions(name).items()]
    return {package: f"{package}=={version}" for package, version in every}


def write(name: str, pins: Iterable[str], *, whole: bool = False) -> None:
    """Write a file of pins under the lines that stand at its head."""
    file = FOLDER / f"{name}.txt"
    head = PIN.split(file.read_text(encoding="utf-8"))[0] if file.exists() else ""
    kept = [pin for pin in pins if whole or not OF_A_BUILD.match(pin.split("==")[0])]
    file.write_text(head + "".join(kept), encoding="utf-8")
    print(f"requirements/{file.name}: {len(kept)} packages", flush=True)


if __name__ == "__main__":
    main()
