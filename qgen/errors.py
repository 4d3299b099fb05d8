"""The exception that means "the user's input is at fault", and how errors are told."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from types import UnionType


class QGenError(ValueError):
    """Bad input: an empty passage, a missing file, a corrupt checkpoint...

    The message is one clear line.  The command line prints it and exits with
    code 2; the web UI shows it in place of a result; library callers catch it
    like any ``ValueError``.
    """


def install(extra: str = "") -> str:
    """How to install the package with one of its extras, as the README does.

    Under its name alone pip may look for it in an index, where the name may be another's.
    """
    place = f"'.[{extra}]'" if extra else "."
    return f"pip install -e {place} in qgen's checkout"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type's name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def exit_code(program: str, command: Callable[[], int | None]) -> int:
    """Run a command, tell its errors in one line, and say what the process should exit with.

    Args:
        program: the name that its errors begin with.
        command: the command; returns its exit code, or nothing for 0.

    Returns:
        That, or 2 for bad input and for what the operating system refuses, 130 when interrupted.
    """
    _prepare_streams()
    try:
        code = command() or 0
        sys.stdout.flush()  # here, since at the exit nobody tells what goes wrong
        return code
    except QGenError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        _end_stdout()
        return 0
    except OSError as error:  # a full disk, a folder that has become read-only
        where = f" ({error.filename})" if error.filename else ""
        print(f"{program}: error: {error.strerror or error}{where}", file=sys.stderr)
        _end_stdout()
        return 2


def _prepare_streams() -> None:
    """Open the streams that some that start programs close, which are ``None`` then; and let what
    the encoding of a pipe or a file lacks, such as Windows's own, be printed as an escape."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _end_stdout() -> None:
    """Write what is still to be printed; where that is not possible let go of it, which Python
    would try, and complain of, again at the exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def shown(value: object, limit: int) -> str:
    """A value as a message has it, cut to so many characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def check_rows(what: str, given: object, *kinds: type | UnionType) -> None:
    """Refuse what is no list of tuples of these types.

    Raises:
        QGenError: what it must be, and what it is.
    """
    names = ", ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
    if not isinstance(given, list | tuple):
        raise QGenError(f"{what} must be a list of ({names}), not {type(given).__name__}")
    for row in given:
        fits = isinstance(row, list | tuple) and len(row) == len(kinds)
        if not fits or not all(map(isinstance, row, kinds)):
            raise QGenError(f"{what} must be a list of ({names}); one is {shown(row, 60)}")
