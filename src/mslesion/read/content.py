"""The bytes of one file: safe to open, unpacked if compressed, checked to their end.

Everything here is bounded before it is read. A compressed file may claim any size, and nibabel
never reads a gzip stream to the checksum at its end, so one flipped bit gives other voxels
without an error: we read to the end and no further than the header's own claim.
"""

from __future__ import annotations

import errno
import io
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import NoReturn

from isal import igzip
from isal.igzip_lib import IsalError

from mslesion.errors import UnreadableFileError
from mslesion.read.stored import NO_REMARKS, Remarks, mended

HEAD_BYTES = 1024
"""Enough for every header we read (NIfTI-2 has 540 bytes)."""

_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_MAX_RATIO = 1032  # the most that deflate can pack: 258 bytes in 2 bits
_GET_AGAIN = "get the file again from where it came from"
_NAMED_AS_COMPRESSED = {".gz": True, ".mgz": True, ".nii": False, ".mgh": False}

# Most telling first: what a file that is no scan looks like, and what to do about it.
_LOOKS: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (
        lambda head: head.startswith(b"version https://git-lfs"),
        "is a git-lfs pointer, not the file itself",
        "run `git lfs pull` in its folder",
    ),
    (lambda head: head.startswith(b"PK\x03\x04"), "is a ZIP archive", "unpack it"),
    (lambda head: head.startswith(_GZIP_MAGIC), "is compressed twice", "unpack it once"),
    (
        lambda head: head.startswith((b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")),
        "is compressed, but not with gzip",
        "unpack it",
    ),
    (
        lambda head: head.startswith((b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")),
        "is an image, but not a PNG",
        "give the slice as PNG, or better the whole volume as NIfTI",
    ),
    (lambda head: head.startswith(b"%PDF"), "is a PDF document", "give the scan as NIfTI"),
    (
        lambda head: head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")),
        "is a web page",
        "download the file again, signed in where the site asks for it",
    ),
    (
        lambda head: head[344:347] == b"ni1",
        "is a NIfTI header whose voxels are in another file",
        "convert the pair to one .nii.gz file",
    ),
    (
        lambda head: head[:4] in {b"\x5c\1\0\0", b"\0\0\1\x5c"} and head[344:348] == bytes(4),
        "is an Analyze file, which does not say where left and right are",
        "convert it to NIfTI with the side stated",
    ),
    (lambda head: not head.strip(b"\0"), "holds nothing but zeros", _GET_AGAIN),
    (
        lambda head: all(byte >= 32 or byte in b"\t\r\n" for byte in head),
        "is text",
        "give a scan as NIfTI (.nii or .nii.gz), MGZ or DICOM",
    ),
)


@dataclass(frozen=True)
class Content:
    """An open file, unpacked. ``head`` is its beginning, not taken from the stream.

    ``most_bytes`` is the most the unpacked file can hold, known without unpacking it. ``remarks``
    are about its name.
    """

    path: Path
    head: bytes
    most_bytes: int
    remarks: Remarks
    _stream: io.BufferedIOBase

    def exactly(self, size_bytes: int) -> bytearray:
        """All of the file, which must hold just so many bytes.

        Raises:
            UnreadableFileError: It holds fewer, or more, or its checksum is wrong.
        """
        data = self.at_most(size_bytes)
        if len(data) < size_bytes:
            raise UnreadableFileError(
                f"ends early: {len(data)} of the {size_bytes} bytes its header speaks of",
                remedy=_GET_AGAIN,
                file=self.path,
            )
        return data

    def at_most(self, size_bytes: int) -> bytearray:
        """All of the file, which must not hold more than so many bytes.

        Raises:
            UnreadableFileError: It holds more, or its checksum is wrong.
        """
        data = bytearray(min(size_bytes, self.most_bytes))
        filled = 0
        with memoryview(data) as view:
            while count := self._stream.readinto(view[filled:]):
                filled += count
            # Reading on is also what makes gzip compare the checksum.
            goes_on = filled == len(data) and self._stream.read(1) != b""
        if goes_on:
            raise UnreadableFileError(
                f"goes on after the {size_bytes} bytes its header speaks of",
                remedy=_GET_AGAIN,
                file=self.path,
            )
        del data[filled:]
        return data

    def refuse(self) -> NoReturn:
        """Say what this file, which is no scan, looks like.

        Raises:
            UnreadableFileError: Always.
        """
        for looks_so, what, remedy in _LOOKS:
            if looks_so(self.head):
                raise UnreadableFileError(what, remedy=remedy, file=self.path)
        raise UnreadableFileError(
            "is not a scan in a format that can be read, or its header is damaged",
            remedy="give a scan as NIfTI (.nii or .nii.gz), MGZ or DICOM",
            file=self.path,
        )


@contextmanager
def open_content(path: Path) -> Iterator[Content]:
    """Open a file whatever its name says; gzip is known by its first bytes.

    Raises:
        UnreadableFileError: There is no such file, it is no regular file (a pipe, a device, a
            folder), it is empty, or what is compressed in it is damaged. The last may come at
            any time while the block reads.
    """
    size_bytes = regular_file_size(path)
    with _explained(path), path.open("rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        with igzip.IGzipFile(fileobj=file, mode="rb") if compressed else file as stream:
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            most_bytes = size_bytes * (_DEFLATE_MAX_RATIO if compressed else 1)
            yield Content(path, head, most_bytes, _name_remarks(path, compressed), stream)


def _name_remarks(path: Path, compressed: bool) -> Remarks:
    ending = path.suffix.lower()
    if _NAMED_AS_COMPRESSED.get(ending, compressed) == compressed:
        return NO_REMARKS
    return mended(f"named {ending}, but {'compressed' if compressed else 'not compressed'}")


def regular_file_size(path: Path) -> int:
    """Size in bytes of a file that may be opened without waiting for anyone.

    Raises:
        UnreadableFileError: There is no such file, it is no regular file, or it is empty.
    """
    with _explained(path):
        facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "a pipe or a device"
        raise UnreadableFileError(f"is {kind}, not a file", remedy="give a file", file=path)
    if facts.st_size == 0:
        raise UnreadableFileError("is empty", remedy=_GET_AGAIN, file=path)
    return facts.st_size


_SYSTEM_REASONS = {
    errno.ENOENT: ("does not exist", "check the path"),
    errno.ENOTDIR: ("does not exist", "check the path"),
    errno.ELOOP: ("is a link that leads in a circle", "give the file it should lead to"),
    errno.EACCES: ("may not be read by you", "ask its owner for the right to read it"),
    errno.EPERM: ("may not be read by you", "ask its owner for the right to read it"),
}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the system and the unpacker say into an error of ours."""
    try:
        yield
    # isal's stub takes the class for an instance.
    except (EOFError, BadGzipFile, IsalError) as error:  # type: ignore[misc]
        raise UnreadableFileError(
            "is compressed, and damaged or cut short", remedy=_GET_AGAIN, file=path
        ) from error
    except OSError as error:
        what, remedy = _SYSTEM_REASONS.get(
            error.errno or 0, (f"cannot be read ({error.strerror})", "check the disk")
        )
        if error.errno == errno.ENOENT and path.is_symlink():
            what, remedy = "is a link to a file that is not there", "fetch or restore that file"
        raise UnreadableFileError(what, remedy=remedy, file=path) from error
