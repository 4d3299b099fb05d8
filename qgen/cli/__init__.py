"""The ``qgen`` command."""

from qgen.cli.main import main

__all__ = ["main"]
