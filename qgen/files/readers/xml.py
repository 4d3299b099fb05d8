"""XML parts of documents: an event of the parser at a time, without entities, network or a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from qgen.errors import QGenError, first_line
from qgen.files.archives import Archive

_CHUNK = 1 << 16


def parse_part(archive: Archive, content: bytes, target: Any) -> None:
    """Tell ``target`` the elements of a part of an archive; their names come without their
    namespaces.

    The target has ``start(name, attributes)``, ``end(name)`` and ``data(text)``, and its
    ``skips(name)`` says of which elements, with all that they hold, it is told nothing.  libxml2
    itself bounds the depth (256) and the length of a text.

    Raises:
        QGenError: the part is not well formed.
    """
    parser = etree.XMLParser(
        target=_Local(target), resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False,
    )  # fmt: skip
    try:
        for at in range(0, len(content), _CHUNK):  # libxml2 bounds what it is fed at once
            parser.feed(content[at : at + _CHUNK])
        parser.close()
    except etree.XMLSyntaxError as error:
        reason = first_line(error).split(", line")[0]
        raise QGenError(f"{archive.path} is damaged, or not {archive.what}: {reason}") from error


class _Local:
    """A target whose names have no namespaces - those of different ones do not meet in a part -,
    and that passes on what the other does not skip."""

    def __init__(self, target: Any):
        self._target = target
        self._names: dict[str, str] = {}
        self._skipped = 0  # how many elements deep in one that is left out

    def _name(self, name: str) -> str:
        if name not in self._names:
            self._names[name] = name.rpartition("}")[2]
        return self._names[name]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped or self._target.skips(self._name(name)):
            self._skipped += 1
            return
        # Of two that then have one name, such as a slide's, the one with a namespace.
        ordered = sorted(attributes.items(), key=lambda one: one[0].startswith("{"))
        local = {self._name(key): value for key, value in ordered}
        self._target.start(self._name(name), local)

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
        else:
            self._target.end(self._name(name))

    def data(self, text: str) -> None:
        if not self._skipped:
            self._target.data(text)

    def close(self) -> None:
        pass


class Elements:
    """A target that keeps the names and attributes of all elements, for parts without text."""

    def __init__(self) -> None:
        self.found: list[tuple[str, dict[str, str]]] = []

    def skips(self, name: str) -> bool:
        return False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.found.append((name, attributes))

    def end(self, name: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass


def elements(archive: Archive, content: bytes | None) -> list[tuple[str, dict[str, str]]]:
    """The names and attributes of a part's elements; none if there is no such part."""
    target = Elements()
    if content:
        parse_part(archive, content, target)
    return target.found


def bases_first(parents: Mapping[str, str]) -> list[str]:
    """The names of styles, each behind that of the one it is based on, where these are no circle.

    Args:
        parents: the names, with those of the styles that they are based on.
    """
    order: dict[str, None] = {}
    for name in parents:
        based: dict[str, None] = {}
        while name in parents and name not in order and name not in based:
            based[name] = None
            name = parents[name]
        order |= dict.fromkeys(reversed(based))
    return list(order)
