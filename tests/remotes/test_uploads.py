"""Uploads in parts that nobody will finish are given up in S3; those under way go on."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lm_geometry.remotes import uploads
from lm_geometry.remotes.audit import Audit
from lm_geometry.remotes.mending import mend
from lm_geometry.remotes.places import HOUR, Place
from lm_geometry.remotes.uploads import Upload, unfinished_uploads
from tests.remote_servers import remote

OURS = "results/files/md5/ab/cdef"
OTHERS = ("other/files/md5/ab/cdef", "results/files/md5-of-others/ab/cdef", "cdef")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with remote("s3", tmp_path / "servers") as (_, settings):
        import dvc_s3

        fs = dvc_s3.S3FileSystem(**settings)
        fs.fs.clear_multipart_uploads("bucket")  # moto's memory is one for all tests of a process
        yield Place("remote", SimpleNamespace(fs=fs, path="bucket/results/files/md5"))


def begin(place: Place, key: str) -> Upload:
    named = {"Bucket": "bucket", "Key": key}
    id = place.fs.fs.call_s3("create_multipart_upload", **named)["UploadId"]
    place.fs.fs.call_s3("upload_part", **named, UploadId=id, PartNumber=1, Body=b"half")
    return Upload("bucket", key, id)


def there(place: Place) -> set[str]:
    found = place.fs.fs.call_s3("list_multipart_uploads", Bucket="bucket")
    return {upload["Key"] for upload in found.get("Uploads", [])}


def mended(place: Place, root: Path) -> list[str]:
    found, said = Audit(place, None, [], {}), list[str]()
    repo: Any = SimpleNamespace(root_dir=str(root))
    assert mend(found, lambda: found, repo, said.append) == []
    return said


def later(patch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time() + seconds
    patch.setattr(uploads, "time", SimpleNamespace(time=lambda: now))


def test_an_upload_of_which_nothing_came_for_an_hour_is_given_up_and_no_other(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in (OURS, *OTHERS):
        begin(place, key)
    place.fs.fs.pipe_file("bucket/results/files/md5/ab/whole", b"whole")
    assert mended(place, tmp_path) == []
    assert there(place) == {OURS, *OTHERS}  # of the last hour
    later(monkeypatch, HOUR + 60)
    left = f"bucket/{OURS}, an upload in parts"
    assert mended(place, tmp_path) == [
        f"removed from the remote, what a killed transfer left: {left}"
    ]
    assert there(place) == {*OTHERS}
    assert place.fs.fs.cat_file("bucket/results/files/md5/ab/whole") == b"whole"
    assert mended(place, tmp_path) == []


def test_a_large_file_that_is_sent_for_longer_than_an_hour_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(place, OURS)
    later(monkeypatch, HOUR + 60)
    assert unfinished_uploads(place) == [upload]
    monkeypatch.setattr(uploads, "_parts", lambda *_: iter([time.time() + HOUR]))  # a minute ago
    assert unfinished_uploads(place) == []


class Pages:
    """A bucket that answers one upload, and one part, at a time."""

    def __init__(self, keys: list[str], sent: list[float]) -> None:
        self.keys, self.sent = keys, sent

    def split_path(self, path: str) -> tuple[str, str, None]:
        bucket, _, key = path.partition("/")
        return bucket, key, None

    def call_s3(self, method: str, **asked: Any) -> dict[str, Any]:
        listed = self.keys if method == "list_multipart_uploads" else self.sent
        at = int(asked.get("UploadIdMarker", asked.get("PartNumberMarker", 0)))
        page: dict[str, Any] = {"IsTruncated": at + 1 < len(listed)}
        page |= {"NextKeyMarker": "", "NextUploadIdMarker": str(at + 1)}
        page |= {"NextPartNumberMarker": at + 1}
        if method == "list_multipart_uploads":
            begun = SimpleNamespace(timestamp=lambda: 0.0)
            one = {"Key": self.keys[at], "UploadId": str(at), "Initiated": begun}
            return page | {"Uploads": [one]}
        when = self.sent[at]
        return page | {"Parts": [{"LastModified": SimpleNamespace(timestamp=lambda: when)}]}


@pytest.mark.parametrize(("last", "number"), [(0.0, 3), (math.inf, 0)])  # long ago, and since
def test_answers_of_several_pages_are_read_to_their_end(last: float, number: int) -> None:
    last = min(last, time.time() + HOUR)
    fs = SimpleNamespace(protocol="s3", fs=Pages(["a", "b", "c"], [0.0, 0.0, last]))
    found = unfinished_uploads(Place("remote", SimpleNamespace(fs=fs, path="bucket/results")))
    assert [upload.key for upload in found] == ["a", "b", "c"][:number]


def test_a_bucket_that_does_not_tell_is_said_and_harms_no_repair(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(place.fs.fs, "call_s3", refused)
    told = "the remote was not asked for uploads that were never finished: Access Denied"
    assert mended(place, tmp_path) == [told]
