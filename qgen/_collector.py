"""Python's search for garbage, put off while there is none to find."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """For what makes many objects that all stay, such as modules, models and dictionaries: looking
    through them again and again would take a fifth of the time to the first question, and doing so
    once afterwards a fifteenth.

    Not for what happens again and again: what is made in the pause counts as old, though it may be
    garbage.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():  # where the program has frozen something it stays so
                gc.freeze()
                gc.unfreeze()  # all is old now, so that the next search for young garbage is short
            gc.enable()
