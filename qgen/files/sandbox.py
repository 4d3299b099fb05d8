"""The sandbox in which documents are read: a process of their own, with bounds on its time and
memory; its rights are those of the caller.

What strangers send can be made to keep a parser busy for hours, to fill the memory, or to crash a
library in C.  Here that costs one document.  The process only parses: it imports neither the model
nor the lexicons, so it starts in a fraction of a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from itertools import islice
from pathlib import Path

from qgen.errors import QGenError, first_line, install
from qgen.files.readers import READERS, Reader
from qgen.files.readers.blocks import MAX_BLOCKS, Block, LeftOut

MAX_SECONDS = 60
"""Seconds of computing that one document may take."""
MAX_MEMORY = 1 << 30
"""Bytes of memory that it may take, where the system can bound them (not on Windows and macOS)."""


def read_blocks(path: Path, kind: str) -> tuple[list[Block], LeftOut]:
    """The blocks of a document, and counts of what its reader has left out.

    Args:
        path: the document.
        kind: a suffix of :data:`qgen.files.readers.READERS`.

    Raises:
        QGenError: one sentence for whatever goes wrong.
    """
    if READERS[kind].startswith("text:"):  # in proportion to its length, and without a library
        return parse(path, kind)
    command = [sys.executable, "-m", "qgen.files.sandbox", str(path), kind]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=5 * MAX_SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise QGenError(f"{path} takes too long to read") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        if done.returncode in {-24, -9}:  # SIGXCPU, then SIGKILL
            raise QGenError(f"{path} takes more than {MAX_SECONDS} seconds to read") from None
        raise QGenError(f"{path} is damaged: what reads it has crashed") from None
    if "error" in answer:
        raise QGenError(answer["error"])
    return [Block(*block) for block in answer["blocks"]], LeftOut(answer["left_out"])


def parse(path: Path, kind: str) -> tuple[list[Block], LeftOut]:
    """What :func:`read_blocks` does, in this process and without its bounds."""
    module, _, function = READERS[kind].partition(":")
    left_out = LeftOut()
    try:
        reader: Reader = getattr(import_module(f"qgen.files.readers.{module}"), function)
        blocks = list(islice(reader(path, left_out), MAX_BLOCKS + 1))
        if len(blocks) > MAX_BLOCKS:
            raise QGenError(f"{path} has more than {MAX_BLOCKS:,} paragraphs")
        return blocks, left_out
    except QGenError:
        raise
    except ImportError as error:
        raise QGenError(f"{path} needs: {install('documents')}") from error
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise QGenError(f"{path} takes more than {MAX_MEMORY >> 20:,} MiB to read") from error
    except RecursionError as error:
        raise QGenError(f"{path} is nested too deep") from error
    except Exception as error:  # of a library, about a file that it did not expect
        raise QGenError(
            f"{path} is damaged: {type(error).__name__}: {first_line(error)}"
        ) from error


def _bound() -> None:
    """Bound this process's time and memory."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_CPU, MAX_SECONDS), (resource.RLIMIT_AS, MAX_MEMORY)):
        try:
            resource.setrlimit(what, (most, most + (what == resource.RLIMIT_CPU)))
        except (ValueError, OSError):
            continue


def _main(path: str, kind: str) -> None:
    """Read a document and write its blocks as JSON to the standard output."""
    _bound()
    answer: dict
    try:
        blocks, left_out = parse(Path(path), kind)
        answer = {"blocks": blocks, "left_out": left_out}
    except QGenError as error:
        answer = {"error": str(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    _main(*sys.argv[1:])
