"""Where a run writes: whether it can, under which names, and that nobody else does."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from qgen.errors import QGenError


def check_writable(path: Path) -> None:
    """Raise ``QGenError`` where no file can be written, or what is there is no regular file."""
    if path.is_dir():
        raise QGenError(f"cannot write {path}: it is a directory")
    if path.exists() and not path.is_file():
        raise QGenError(f"cannot write {path}: it is a pipe or a device")
    folder = link_target(path).parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise QGenError(f"cannot write {path}: its directory is missing or read-only")


def link_target(path: Path) -> Path:
    """Where a link leads, so that what replaces the file leaves the link; else the path itself."""
    return path.resolve() if path.is_symlink() else path


def unfinished(output: Path) -> tuple[Path, Path]:
    """What holds the records so far, and the output while it is being written."""
    return Path(f"{output}.partial"), Path(f"{output}.new{output.suffix}")


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def only_writer(*outputs: Path) -> Iterator[None]:
    """Keep other runs from writing these files, by an empty file beside each, ``<output>.lock``.

    The operating system lets go of what a process held that is dead, so nothing stays locked.  In
    a folder whose file system has no locks, as of some networks, nobody is kept out.

    Raises:
        QGenError: another run is writing one of them, or it cannot be written.
    """
    with ExitStack() as held:
        for output in outputs:
            check_writable(output)
            lock = Path(f"{link_target(output)}.lock")
            try:
                held.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                raise QGenError(f"another run is writing {output}") from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise QGenError(f"cannot write {lock}: {error.strerror or error}") from error
            held.callback(_remove_lock, lock)
        yield


def _remove_lock(path: Path) -> None:
    """While it is held still, so that nobody else can hold what is removed."""
    with suppress(OSError):  # Windows removes no open file; filelock does, once it is closed
        if not path.stat().st_size:  # else it was somebody's before
            path.unlink()
