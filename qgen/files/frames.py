"""JSON whose rows are no objects of their own: as pandas, search engines and services write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qgen.files.fields import FieldNames

_WRAPPERS = ("_source", "row", "node", "fields", "item")
"""Elasticsearch's, the Hugging Face viewer's, GraphQL's, Solr's and others' fields for a row."""


def rows_of(value: Any, names: FieldNames) -> Iterator[Any]:
    """The rows of a JSON value: itself, unless it is text or a data frame.

    pandas' ``to_json`` writes columns (``{"passage": {"0": ...}}``, or lists), rows by their index,
    or ``{"columns": [...], "data": [[...]]}``.
    """
    if isinstance(value, str):
        yield {names.passage or "passage": value}
        return
    if not isinstance(value, dict) or not value:
        yield value
        return
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list) and names.passage_in(columns):
        for row in data:
            yield dict(zip(columns, row, strict=False)) if isinstance(row, list) else row
        return
    passage = names.passage_in(value)
    if passage is None:
        if all(
            key.isdecimal() and isinstance(row, dict) and names.passage_in(row)
            for key, row in value.items()
        ):
            yield from value.values()
        else:
            yield without_wrapper(value, names)
        return
    cells = value[passage]
    if isinstance(cells, list | dict) and all(_is_column_like(c, cells) for c in value.values()):
        for key in cells if isinstance(cells, dict) else range(len(cells)):
            yield {name: column[key] for name, column in value.items()}
    else:
        yield value


def without_wrapper(value: dict, names: FieldNames) -> dict:
    """The row inside of an object that has no passage itself, such as ``{"_source": {...}}``."""
    if names.passage_in(value):
        return value
    for wrapper in _WRAPPERS:
        row = value.get(wrapper)
        if isinstance(row, dict) and names.passage_in(row):
            return {key: other for key, other in value.items() if key != wrapper} | row
    return value


def _is_column_like(column: Any, other: list | dict) -> bool:
    if isinstance(other, dict):
        return isinstance(column, dict) and column.keys() == other.keys()
    return isinstance(column, list) and len(column) == len(other)
