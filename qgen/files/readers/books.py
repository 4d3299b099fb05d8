"""Containers of web pages: electronic books (EPUB) and saved web pages (MHTML)."""

from __future__ import annotations

import email
import email.policy
import posixpath
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from qgen.errors import QGenError
from qgen.files.archives import Archive
from qgen.files.encoding import read_bytes
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.html import decode_html, html_blocks, web_page_blocks
from qgen.files.readers.xml import elements

_BOOK = "an EPUB book"


def read_epub(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a book's chapters, in the order of its spine."""
    with Archive(path, _BOOK) as archive:
        container = elements(archive, archive.read("META-INF/container.xml"))
        package = next((a.get("full-path", "") for name, a in container if name == "rootfile"), "")
        content = archive.read_main(package)
        folder = posixpath.dirname(package)
        items: dict[str, dict[str, str]] = {}
        spine: dict[str, bool] = {}  # whether each is read in this order
        for name, attributes in elements(archive, content):
            if name == "item":
                items[attributes.get("id", "")] = attributes
            elif name == "itemref":
                spine.setdefault(attributes.get("idref", ""), attributes.get("linear") != "no")
        protected = {
            unquote(attributes.get("URI", ""))
            for name, attributes in elements(archive, archive.read("META-INF/encryption.xml"))
            if name == "CipherReference"
        }
        for name, is_read in spine.items():
            item = items.get(name)
            if item is None:
                left_out["missing chapter"] += 1
                continue
            if "nav" in item.get("properties", "").split():
                continue
            part = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
            if part in protected:
                raise QGenError(f"{path} is protected against copying")
            chapter = archive.read(part)
            if chapter is None:
                left_out["missing chapter"] += 1
            elif chapter and is_read:
                yield from html_blocks(decode_html(chapter), left_out)
            elif chapter:  # answers and the like; a cover has no text
                has_text = bool(html_blocks(decode_html(chapter), LeftOut()))
                left_out["chapter outside the reading order"] += has_text


def read_mhtml(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a saved web page, without what is saved beside it."""
    message = email.message_from_bytes(read_bytes(path), policy=email.policy.default)
    for part in message.walk():
        if part.get_content_type() in {"text/html", "application/xhtml+xml"}:
            content = part.get_payload(decode=True)
            charset = part.get_content_charset()
            if not isinstance(content, bytes):
                continue
            if charset and charset not in {"utf-8", "us-ascii"}:
                with suppress(LookupError):
                    content = content.decode(charset, "replace").encode()
            yield from web_page_blocks(decode_html(content), left_out)
            return
    raise QGenError(f"{path} is not a saved web page")
