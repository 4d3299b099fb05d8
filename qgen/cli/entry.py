"""Where the ``qgen`` command begins and ends: which subcommand runs, and the exit code."""

from __future__ import annotations

import argparse
import atexit
import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from qgen import __version__
from qgen.cli import batch, doctor, evaluate, generate, score, serve, train
from qgen.cli.options import Parser, not_empty
from qgen.errors import exit_code

COMMANDS = (generate, batch, score, serve, doctor, evaluate, train)
"""The modules of the subcommands, in the order of ``qgen --help``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 where no row of ``batch`` or ``score``
    succeeded or ``doctor`` finds that asking does not work, 2 for bad input, 130 when
    interrupted."""
    args = build_parser().parse_args(argv)
    # What is imported stays to the end.  Looking for garbage in it, at the exit too, takes a third
    # of the time of a short command.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    with _libraries_quiet():
        return exit_code("qgen", partial(args.run, args))


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; ``run`` of what it returns is the function to call."""
    parser = Parser(
        prog="qgen",
        description="Ask questions about English text: for answers that you give, or for answers "
        "that qgen finds.",
        epilog="qgen COMMAND --help explains each command.",
    )
    parser.add_argument("--version", action="version", version=f"qgen {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        command.add_to(commands)
    for subparser in commands.choices.values():
        subparser.register("type", None, not_empty)  # of all options that name no type
    return parser


@contextmanager
def _libraries_quiet() -> Iterator[None]:
    """Warnings and log lines of libraries are for programmers: whoever types a command sees only
    what qgen says, unless ``python -W`` or ``PYTHONWARNINGS`` asks for them."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # no line for each time that it tries again
    if "transformers" in sys.modules:  # imported before, so that it has read its environment
        from transformers.utils import logging as transformers_logging

        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
    nothing, own = logging.NullHandler(), logging.StreamHandler()
    root, package = logging.getLogger(), logging.getLogger("qgen")
    root.addHandler(nothing)  # else Python prints what no handler takes
    package.addHandler(own)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(nothing)
        package.removeHandler(own)
