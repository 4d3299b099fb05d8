"""The ``qgen`` command: a module for each subcommand, which imports what it needs when it runs."""

from qgen.cli.entry import main

__all__ = ["main"]
