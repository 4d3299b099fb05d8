"""Models and packages that a command needs, loaded when it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qgen.errors import QGenError, install

if TYPE_CHECKING:
    from qgen import NBestGenerator, QuestionGenerator


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Where an import needs one of the package's extras.

    Raises:
        QGenError: it is not installed; the message says how to.
    """
    try:
        yield
    except ImportError as error:
        raise QGenError(f"{error.name} is missing: {install(name)}") from error


def own_eval() -> None:
    """Import ``eval`` from beside this package: ``python -m qgen`` looks into the folder that it is
    started in first, which may have an ``eval`` of its own."""
    root = str(Path(__file__).parents[2])
    sys.path.insert(0, root)
    try:
        import eval  # noqa: F401 (its modules are found in it from now on)
    finally:
        sys.path.remove(root)


def question_generator(args: argparse.Namespace) -> QuestionGenerator:
    """The question generator and its reader, as :func:`qgen.cli.options.add_model` has them."""
    from qgen import QuestionGenerator
    from qgen.model.reader import DEFAULT_READER

    return QuestionGenerator.from_pretrained(
        args.model,
        args.device,
        None if args.reader == "none" else args.reader or DEFAULT_READER,
        dtype=args.dtype,
        batch_size=args.batch_size,
    )


def n_best_generator(args: argparse.Namespace) -> NBestGenerator:
    """The question generator alone."""
    from qgen import NBestGenerator

    return NBestGenerator.from_pretrained(
        args.model, args.device, dtype=args.dtype, batch_size=args.batch_size
    )
