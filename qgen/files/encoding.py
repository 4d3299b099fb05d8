"""Which encoding a text file is in: UTF-8 and UTF-16 with or without a mark, or Windows-1252."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from qgen.errors import QGenError

_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",  # before UTF-16's, with which it begins
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_SAMPLE = 1 << 20

MAX_UNPACKED = 1 << 30
"""Bytes that a compressed file may unpack to where that is more than ``MAX_RATIO`` of its size."""
MAX_RATIO = 100
MAX_BYTES = 64 << 20
"""The largest file of plain text or markup that is read as a document."""


def is_gzipped(path: Path) -> bool:
    """Whether a file is gzipped, whatever its name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where it is gzipped."""
    packed = is_gzipped(path)
    file = path.open("rb")
    return cast(BinaryIO, io.BufferedReader(_Unpacked(file, path))) if packed else file


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked where it is gzipped.

    Raises:
        QGenError: it is larger than any text.
    """
    with open_bytes(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise QGenError(f"{path} is larger than {MAX_BYTES >> 20} MiB")
    return content


class _Unpacked(io.RawIOBase):
    """A gzipped file as it is unpacked, up to a bound."""

    def __init__(self, file: BinaryIO, path: Path):
        self._file, self._path = file, path
        self._unpacked = gzip.GzipFile(fileobj=file)
        self._bound = max(MAX_UNPACKED, MAX_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._unpacked.seek(offset, whence)

    def readinto(self, buffer) -> int:
        try:
            chunk = self._unpacked.read(len(buffer))
        except (EOFError, OSError, zlib.error) as error:
            raise QGenError(f"{self._path} is a damaged gzip file") from error
        if self._unpacked.tell() > self._bound:
            raise QGenError(f"{self._path} unpacks to more than {self._bound >> 20:,} MiB")
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._unpacked.close()
        self._file.close()
        super().close()


def open_text(path: Path) -> io.TextIOWrapper:
    """The file as text, line ends as they are; broken bytes become lone surrogates."""
    with open_bytes(path) as file:
        encoding = detect_encoding(file.read(_SAMPLE))
    return io.TextIOWrapper(
        open_bytes(path), encoding=encoding, errors="surrogateescape", newline=""
    )


def decode_text(content: bytes) -> str:
    """A whole file's text, without a byte order mark."""
    return content.decode(detect_encoding(content), "replace").removeprefix("\ufeff")


def detect_encoding(content: bytes) -> str:
    """The encoding of a file, by its first MiB.

    A file with UTF-8's multi-byte characters is UTF-8, even where some bytes are broken; but not
    where more are broken than whole, since an accent and two marks of Windows-1252 ("é”—") look
    like such a character.  English that is neither UTF-8 nor UTF-16 is Windows-1252; detectors such
    as charset-normalizer, which weigh all languages, take a few accents or a pound sign for Central
    European.
    """
    sample = content[:_SAMPLE]
    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    if sample and sample.count(0) > len(sample) / 4:
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    if len(sample) == _SAMPLE:  # it may end inside a character
        sample = sample[: sample.rfind(b"\n") + 1]
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd") - sample.count("\ufffd".encode())
    whole = len(re.findall(r"[^\0-\x7f]", text)) - broken
    return "utf-8" if broken <= whole else "cp1252"
