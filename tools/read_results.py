"""List, verify and extract the results that dvc.lock names, with nothing but Python itself.

    python tools/read_results.py                                 # lists them
    python tools/read_results.py PLACE [OUT ...]                 # reads each, and compares
    python tools/read_results.py PLACE [OUT ...] --into FOLDER   # extracts them as well

PLACE is a remote of DVC: a folder, or an address (http, https; a public bucket has one as well).
OUT is a path of dvc.lock, or one within or above. Exits with 1 where one is not whole.
"""

import argparse
import hashlib
import json
import os
import re
from pathlib import Path
from urllib.request import urlopen

KEY, PATH, MD5 = r" {4}(\w+):", r" {4}- path: ['\"]?(.+?)['\"]?\n", r" {6}md5: ([0-9a-f]{32}\S*)\n"


def outs(lock: Path) -> dict[str, str]:
    """MD5 of every out by its path, of the few kinds of lines that DVC writes."""
    found, section, path, line = {}, "", "", ""
    for line in lock.read_text(encoding="utf-8").splitlines(keepends=True):
        if match := re.match(PATH, line):
            path = match[1]
        elif match := re.match(KEY, line):
            section = match[1]
        elif (match := re.match(MD5, line)) and section == "outs":
            found[path] = match[1]
    if not found or not line.endswith("\n"):
        raise SystemExit(f"{lock} is cut, or names no result: `git checkout {lock}`")
    return found


def read(place: str, oid: str, target: Path | None = None) -> bytes:
    """An object, which appears at `target` when it is whole; raises OSError where it is not."""
    name, digest, content = f"files/md5/{oid[:2]}/{oid[2:]}", hashlib.md5(), b""
    partial = target.with_name(f".{target.name}.tmp") if target else Path(os.devnull)
    partial.parent.mkdir(parents=True, exist_ok=True)
    with urlopen(f"{place}/{name}") as file, partial.open("wb") as copy:
        while block := file.read(2**20):
            digest.update(block)
            content += block if oid.endswith(".dir") else b""
            copy.write(block)
    if digest.hexdigest() != oid.removesuffix(".dir"):
        raise OSError(f"damaged: its MD5 is {digest.hexdigest()}")
    if target:
        partial.replace(target)
    return content


def files(place: str, path: str, oid: str) -> dict[str, str]:
    """MD5 of each file of an out by its path; raises OSError for a listing that is not whole."""
    found = {path: oid}
    if oid.endswith(".dir"):
        found = {f"{path}/{one['relpath']}": one["md5"] for one in json.loads(read(place, oid))}
    if any(name.startswith("/") or ".." in name.split("/") for name in found):
        raise OSError("damaged: a file leads out of its folder")
    return found


def main() -> int:
    """Do what is asked; 1 where a result is not whole, or dvc.lock names none such."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("place", nargs="?")
    parser.add_argument("outs", nargs="*", type=lambda text: f"{text.rstrip('/')}/")
    parser.add_argument("--into", type=Path)
    parser.add_argument("--lock", type=Path, default=Path("dvc.lock"))
    given, wrong = parser.parse_intermixed_args(), 0
    place, unseen = given.place, set(given.outs)
    place = place and (place if "://" in place else Path(place).resolve().as_uri()).rstrip("/")
    recipe = given.lock.with_name("dvc.yaml")  # which says of some outs that git has them
    text = recipe.read_text(encoding="utf-8") if recipe.exists() else ""
    for path, oid in sorted(outs(given.lock).items()):
        own, git = f"{path}/", re.search(rf"\b{re.escape(path)}: {{cache: false", text)
        asked = {one for one in given.outs or [""] if own.startswith(one) or one.startswith(own)}
        if not asked:
            continue
        if git or not place:
            unseen -= asked
            print(f"{oid:36}  {path}{' (in git)' if git else ''}")
            continue
        try:
            for name, md5 in files(place, path, oid).items():
                if named := {one for one in asked if f"{name}/".startswith(one)}:
                    unseen -= named
                    read(place, md5, given.into and given.into / name)
                    print(f"{md5:36}  {name}: whole")
        except (OSError, ValueError) as error:
            print(f"{path}: NOT WHOLE: {error}")
            wrong, unseen = 1, unseen - asked
    for one in sorted(unseen):
        print(f"{one[:-1]}: {given.lock} names no such result")
    return 1 if unseen else wrong


if __name__ == "__main__":
    raise SystemExit(main())
