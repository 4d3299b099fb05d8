"""Rows of judged things, as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from qgen.errors import QGenError


def read_rows(path: Path, needed: Collection[str]) -> list[dict]:
    """The rows of a file.

    Raises:
        QGenError: the file has none, or a line is no row or lacks one of the ``needed`` fields.
    """
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise QGenError(f"{path}, line {number}: no JSON ({error})") from error
            missing = set(needed) - (set(row) if isinstance(row, dict) else set())
            if missing:
                raise QGenError(f"{path}, line {number}: no {min(missing)}")
            rows.append(row)
    if not rows:
        raise QGenError(f"{path} has no rows")
    return rows
