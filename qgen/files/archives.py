"""Zip archives from strangers: their members are read one at a time and within bounds.

A file of a few kilobytes can unpack to gigabytes, and members can overlap.  The sizes that an
archive states are checked first, and no more is unpacked than they say.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from qgen.errors import QGenError
from qgen.files.encoding import is_gzipped, read_bytes

MAX_MEMBERS = 10_000
MAX_TEXT = 64 << 20
"""Bytes of the parts of a document that hold its text, all together; a long novel has about 5 MB
as Word writes it, and pictures do not count."""
MAX_TABLE = 512 << 20
"""Bytes of a workbook, which is read a row at a time."""


class Archive:
    """The members of a zip archive, as far as their sizes are within bounds.

    Raises:
        QGenError: the file is no archive that can be read.
    """

    def __init__(self, path: Path, what: str):
        """Open ``path``, which should be ``what``, such as "a Word document"."""
        self.path, self.what = path, what
        self._left = MAX_TEXT
        try:
            # Of one that is gzipped as well, all at once: its members are read in any order.
            self._zip = zipfile.ZipFile(io.BytesIO(read_bytes(path)) if is_gzipped(path) else path)
            self.names = self._zip.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise QGenError(f"{path} is not {what}") from error
        if len(self.names) > MAX_MEMBERS:
            raise QGenError(f"{path} has more than {MAX_MEMBERS:,} parts")

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes | None:
        """A member's content; ``None`` if there is none of that name.

        Raises:
            QGenError: it is damaged or encrypted, or more than :data:`MAX_TEXT` has been read.
        """
        try:
            with self._zip.open(name) as member:
                content = member.read(self._left + 1)
        except KeyError:
            return None
        except RuntimeError as error:  # zipfile's way to ask for a password
            raise QGenError(f"{self.path} is encrypted") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
            raise QGenError(f"{self.path} is damaged, or not {self.what}") from error
        self._left -= len(content)
        if self._left < 0:
            raise QGenError(f"{self.path} unpacks to more than {MAX_TEXT >> 20} MiB of text")
        return content

    def read_main(self, name: str) -> bytes:
        """A member without which the file is not what it should be.

        Raises:
            QGenError: as :meth:`read`, and if there is none of that name.
        """
        content = self.read(name)
        if content is None:
            raise QGenError(f"{self.path} is not {self.what}")
        return content


def check_archive(path: Path, file: BinaryIO) -> None:
    """Refuse an archive that a library is to unpack, if it states or has too large a size.

    Raises:
        QGenError: it is no archive, or unpacks to more than :data:`MAX_TABLE`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise QGenError(f"{path} is not a workbook, or damaged") from error
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_TABLE:
        raise QGenError(f"{path} unpacks to more than {MAX_TABLE >> 20} MiB")
    file.seek(0)
