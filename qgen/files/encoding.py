"""Which encoding a text file is in: UTF-8 and UTF-16 with or without a mark, or Windows-1252."""

from __future__ import annotations

import io
import re
from pathlib import Path

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SAMPLE = 1 << 20


def open_text(path: Path) -> io.TextIOWrapper:
    """The file as text, line ends as they are; broken bytes become lone surrogates."""
    with path.open("rb") as file:
        encoding = detect_encoding(file.read(_SAMPLE))
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def decode_text(content: bytes) -> str:
    """A whole file's text, without a byte order mark."""
    return content.decode(detect_encoding(content[:_SAMPLE]), "replace").removeprefix("\ufeff")


def detect_encoding(sample: bytes) -> str:
    """The encoding of a file, by its first MiB.

    A file with UTF-8's multi-byte characters is UTF-8, even where some bytes are broken.  English
    that is neither UTF-8 nor UTF-16 is Windows-1252; detectors such as charset-normalizer, which
    weigh all languages, take a few accents or a pound sign for Central European.
    """
    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    if sample and sample.count(0) > len(sample) / 4:
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    if len(sample) == _SAMPLE:  # it may end inside a character
        sample = sample[: sample.rfind(b"\n") + 1]
    try:
        sample.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        multi_byte = re.search(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}", sample)
        return "utf-8" if multi_byte else "cp1252"
