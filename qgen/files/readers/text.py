"""Plain text, and captions of films."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from qgen.files.encoding import decode_text, read_bytes
from qgen.files.lines import ends_sentence, typed_blocks
from qgen.files.readers.blocks import Block, LeftOut

_TIME = re.compile(
    r"\s*((?:\d+:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)"
    r"\s*-->\s*((?:\d+:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?)"
)
_ABBREVIATION = r"\((?!(?:SIGH|GASP|COUGH|LAUGH|SOB|MUSIC|BEEP|YELL|CRY)S?\))[A-Z]{1,5}\)"
_SOUND = re.compile(
    # In brackets or capitals; an abbreviation in a sentence is none.
    rf"\[[^\[\]]*\]|(?!(?<=\w ){_ABBREVIATION}|{_ABBREVIATION} [a-z])\([A-Z][A-Z\s,'-]*\)"
    r"|[♪♫](?:[^♪♫]*[♪♫](?=[^\S\n]*(?:\n|\Z))|.*)"
    # In small letters by itself on its lines, such as "(a door opens)": few words, and no sentence.
    r"|^[^\S\n]*[-–—]*[^\S\n]*\((?![^()]*[.!?,;:])\s*[^\s()]+(?:\s+[^\s()]+){0,4}\s*\)[^\S\n]*$",
    re.M,
)
"""What is not spoken in a cue; it may go over several lines."""
_PAUSE = 4.0
"""Seconds without words after which a new paragraph begins, if a sentence has ended.  A round
number; no measurement is recorded."""


_LICENCE = re.compile(
    r"\A.{0,20000}?^\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG[^*]*\*\*\*"
    r"|^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG.*\Z",
    re.M | re.S,
)
"""What Project Gutenberg puts round its books."""


def read_text(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of plain text; form feeds end its pages."""
    text, licences = _LICENCE.subn("", decode_text(read_bytes(path)))
    left_out["licence of Project Gutenberg"] += licences > 0
    for number, page in enumerate(text.split("\f"), 1):
        for block in typed_blocks(page):
            yield Block(block, number if "\f" in text else None)


def read_captions(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The words of captions (SubRip, WebVTT), whose cues are joined to sentences.

    Sounds and songs are left out, and so are lines that a cue repeats from the one before, as
    captions that roll up do.
    """
    paragraph: list[str] = []
    before: list[str] = []
    ended = 0.0
    for begins, ends, words in _cues(decode_text(read_bytes(path))):
        lines, sounds = _spoken(words)
        left_out["sound"] += sounds
        if paragraph and begins - ended > _PAUSE and ends_sentence(paragraph[-1]):
            yield Block(_joined(paragraph))
            paragraph = []
        for line in lines:
            if line in before:
                continue
            if before and line.startswith(f"{before[-1]} "):  # it grows as it is spoken
                line = line[len(before[-1]) + 1 :]
            speaks = re.match(r"(?:[-–—]\s*|>>+\s*)", line)  # another person
            if speaks and paragraph and ends_sentence(paragraph[-1]):
                yield Block(_joined(paragraph))
                paragraph = []
            paragraph.append(line[speaks.end() :] if speaks else line)
        before, ended = lines, ends
    if paragraph:
        yield Block(_joined(paragraph))


def _joined(lines: list[str]) -> str:
    """The lines of a paragraph, without the dots by which a cue's end and the beginning of the next
    say that a sentence goes on."""
    return re.sub(r"(?:\.{3}|…)\n(?:\.{3}|…)\s*", "\n", "\n".join(lines))


def _cues(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """The beginning and the end of each cue, in seconds, and its lines."""
    cue: tuple[float, float, list[str]] | None = None
    block: list[str] | None = None  # lines behind an empty one: the next cue's name, or the words'
    for line in [*text.splitlines(), ""]:
        if time := _TIME.match(line):
            if block is None and cue and cue[2] and cue[2][-1].strip().isdigit():
                cue[2].pop()  # its number, without an empty line in front
            if cue:
                yield cue
            cue, block = (_seconds(time.group(1)), _seconds(time.group(2)), []), None
        elif line.strip():
            if block is not None:
                block.append(line)
            elif cue:
                cue[2].append(line)
        else:
            if cue and block and not re.match(r"(?:NOTE|STYLE|REGION|WEBVTT)\b", block[0]):
                cue[2].extend(block)
            block = []
    if cue:
        yield cue


def _spoken(words: list[str]) -> tuple[list[str], int]:
    """The lines of a cue without their tags and what is not spoken, and how much that is."""
    text = re.sub(r"<[/\w][^<>\n]*>|\{\\[^{}\n]*\}", "", "\n".join(words))
    spoken, sounds = _SOUND.subn("", html.unescape(text))
    return [" ".join(line.split()) for line in spoken.split("\n") if line.strip()], sounds


def _seconds(time: str) -> float:
    seconds = 0.0
    for part in time.replace(",", ".").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
