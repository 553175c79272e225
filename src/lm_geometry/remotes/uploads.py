"""Uploads in parts that S3 keeps, and bills, after a kill: no listing of objects shows them.

Azure and Google Cloud Storage forget theirs after a week.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lm_geometry.remotes.places import HOUR, Place

MORE = "IsTruncated"  # in an answer: the next one begins at its markers


@dataclass(frozen=True)
class Upload:
    """An object that was begun and not finished, by its key in the bucket and S3's own id."""

    bucket: str
    key: str
    id: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}, an upload in parts"

    @property
    def named(self) -> dict[str, str]:
        """What every call about it takes."""
        return {"Bucket": self.bucket, "Key": self.key, "UploadId": self.id}


def unfinished_uploads(place: Place) -> list[Upload]:
    """Uploads of objects of the place of which nothing was sent for an hour; none but of S3.

    Those of other prefixes of the bucket are other people's. Raises OSError where the bucket does
    not tell of them, as it may where a login has no right to that.
    """
    if place.fs.protocol != "s3":
        return []
    bucket, prefix, _ = place.fs.fs.split_path(str(place.odb.path))
    return [
        upload
        for upload, begun in _uploads(place.fs.fs, bucket, f"{prefix.strip('/')}/")
        if time.time() - max([begun, *_parts(place.fs.fs, upload)]) > HOUR
    ]


def abort(place: Place, upload: Upload) -> None:
    """Have S3 forget an upload and its parts; raises OSError."""
    place.fs.fs.call_s3("abort_multipart_upload", **upload.named)


def _uploads(fs: Any, bucket: str, prefix: str) -> Iterator[tuple[Upload, float]]:
    """Every upload below a prefix, and when it was begun."""
    markers: dict[str, str] = {}
    while True:
        found = fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **markers)
        for one in found.get("Uploads", []):
            yield Upload(bucket, one["Key"], one["UploadId"]), _seconds(one["Initiated"])
        if not found.get(MORE):
            return
        markers = {"KeyMarker": found["NextKeyMarker"]}
        markers |= {"UploadIdMarker": found["NextUploadIdMarker"]}


def _parts(fs: Any, upload: Upload) -> Iterator[float]:
    """When each part was sent: a large file may well take longer than an hour."""
    marker: dict[str, int] = {}
    while True:
        try:
            found = fs.call_s3("list_parts", **upload.named, **marker)
        except FileNotFoundError:  # finished or given up meanwhile
            yield time.time()
            return
        yield from (_seconds(part["LastModified"]) for part in found.get("Parts", []))
        if not found.get(MORE):
            return
        marker = {"PartNumberMarker": int(found["NextPartNumberMarker"])}


def _seconds(told: datetime) -> float:
    return told.timestamp()
