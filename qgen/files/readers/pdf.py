"""PDF, read by PDFium: where each character stands says what is a heading, a note or a table."""

from __future__ import annotations

import ctypes
import io
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, median_low

import pypdfium2
from pypdfium2 import raw

from qgen.english.clean import LOOSE, with_accent
from qgen.errors import QGenError, first_line
from qgen.files.encoding import is_gzipped, read_bytes
from qgen.files.lines import BULLET, ends_sentence, is_page_number
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.marks import raised_text

MAX_PAGES = 5_000
MAX_PAGE_CHARACTERS = 200_000
"""A page of a newspaper has some 50,000."""

_CAPTION = re.compile(
    r"(?i:table|figure|fig\.|listing|algorithm|exhibit|chart|plate)\s+[A-Z]?\d+(?:[.\-]\d+)*"
    r"\s*(?:[.:|–—](?!\d)|\s[A-Z])"
)
_NOTE = re.compile(r"\(?(\d{1,3}|[*†‡§¶]{1,3}|[a-z](?=\s[A-Z]))[.)]?\s*(?=[\"“'(]?[A-Z])")
_FLAT_MARK = re.compile(r"(?<=[a-z]{3}[.,;!?])(\d{1,3})(?=\s+[\"“(]?[A-Z]|\s*$)")
_NUMBERED = re.compile(r"(?:\d+(?:\.\d+)*|[A-Z]|[IVX]+)\.?\s+[A-Z]\S*")


@dataclass
class _Line:
    """A line of a page; lengths are in points, from the page's lower left corner.

    Attributes:
        size: the height of most of its characters, from the descenders to the ascenders.
        gaps: how many spaces in it are wider than two letters, as between the cells of a table.
        marks: the marks of notes that stood above the line.
    """

    text: str
    left: float
    right: float
    bottom: float
    size: float
    bold: bool
    gaps: int
    marks: list[str]

    @property
    def width(self) -> float:
        return self.right - self.left


def read_pdf(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a PDF, with their pages."""
    document = _opened(path, left_out)
    if len(document) > MAX_PAGES:
        raise QGenError(f"{path} has more than {MAX_PAGES:,} pages")
    pages: list[list[_Line]] = []
    empty = 0
    for number in range(len(document)):
        try:
            page = document[number]
            lines = _page_lines(page, left_out)
            empty += not lines and any(True for _ in page.get_objects(max_depth=1))
            page.close()
        except pypdfium2.PdfiumError:
            left_out["damaged page"] += 1
            lines = []
        pages.append(lines)
    if empty == len(pages) and empty:
        raise QGenError(
            f"{path} holds no text, only pictures of {empty} page{'s' * (empty > 1)}: "
            "let a program for text recognition (OCR) read it first"
        )
    left_out["page without text"] += empty
    running = _running_lines(pages)
    body = _body_size(pages)
    for number, lines in enumerate(pages, 1):
        kept = _without_running_lines(lines, running)
        yield from _Page(kept, body, number, left_out).blocks()


def _opened(path: Path, left_out: LeftOut):
    """The PDF; of one that is cut off, the pages that are there."""
    source = read_bytes(path) if is_gzipped(path) else path
    try:
        return pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise QGenError(f"{path} is encrypted") from error
        document = _repaired(source)
        if document is None:
            reason = first_line(error)
            raise QGenError(f"{path} is not a PDF, or is cut off or damaged: {reason}") from error
    left_out["damaged part"] += 1
    return document


def _repaired(source: Path | bytes):
    """The PDF as qpdf writes it, which finds the objects where their table is lost."""
    import pikepdf  # for damaged files alone

    mended = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(source) if isinstance(source, bytes) else source) as pages:
            pages.save(mended)
        document = pypdfium2.PdfDocument(mended.getvalue())
    except (pikepdf.PdfError, pypdfium2.PdfiumError, RuntimeError, ValueError, TypeError):
        return None
    return document if len(document) else None


# -- characters to lines ---------------------------------------------------------------------------


_Character = tuple[str, float, float, float, float]
"""A character and where it stands: from where to where, its bottom, and its top or its height."""
_Written = tuple[list[_Character], bool, str]
"""The characters of a line, whether they are bold, and the hyphen that ended it."""


def _page_lines(page, left_out: LeftOut) -> list[_Line]:
    """The lines of a page, in the order in which they are written."""
    text_page = page.get_textpage()
    left_out["overlong page"] += text_page.count_chars() > MAX_PAGE_CHARACTERS  # its end
    found = _written_lines(text_page)
    text_page.close()
    # Most of the text is upright as the page is shown, or as it is meant.
    written: Counter[int] = Counter()
    for turns, (characters, *_) in found:
        written[turns] += len(characters)
    upright = written.most_common(1)[0][0] if written else 0
    written_lines = [
        (_accented([_turned(character, -upright % 4) for character in characters]), bold, hyphen)
        for turns, (characters, bold, hyphen) in found
        if (turns - upright) % 2 == 0
    ]
    read = [_line(*one) for one in (written_lines if upright else _by_columns(written_lines))]
    # PDFium gives the lines of a page that is turned to the right from the last to the first.
    rises = sum(first.bottom < second.bottom for first, second in pairwise(read))
    if upright and rises > len(read) / 2:
        read.reverse()
    lines: list[_Line] = []
    for one in read:
        if not (lines and _goes_on(lines[-1], one)):
            lines.append(one)
    return lines


def _written_lines(text_page) -> list[tuple[int, _Written]]:
    """The lines of a page as they are written, each with the quarters that it is turned by."""
    count = min(text_page.count_chars(), MAX_PAGE_CHARACTERS)
    box = raw.FS_RECTF()
    found: list[tuple[int, _Written]] = []
    line: list[_Character] = []
    first = 0

    def end(hyphen: str = "") -> None:
        if any(character.strip() for character, *_ in line):
            turns = raw.FPDFText_GetCharAngle(text_page, first) / (math.pi / 2)
            if abs(turns - round(turns)) < 0.07:
                written = line.copy(), _is_bold(text_page, first), hyphen
                found.append((round(turns) % 4, written))
        line.clear()

    for i in range(count):
        character = chr(raw.FPDFText_GetUnicode(text_page, i))
        if character in "\r\n":
            if character == "\n":
                end()
            continue
        if character in "\ufffe\x02":  # a hyphen at the end of the line, as PDFium marks it
            end("-")
            continue
        if 0xD800 <= ord(character) < 0xE000:
            character = "\ufffd"
        if not line:
            first = i
        if raw.FPDFText_IsGenerated(text_page, i) == 1 or not raw.FPDFText_GetLooseCharBox(
            text_page, i, box
        ):
            line.append((character, 0, 0, 0, 0))
        else:
            line.append((character, box.left, box.right, box.bottom, box.top))
    end()
    return found


def _turned(character: _Character, quarters: int) -> _Character:
    """A character, with its height, on the page turned to the right by so many quarters."""
    text, left, right, bottom, top = character
    for _ in range(quarters):
        left, right, bottom, top = bottom, top, -right, -left
    return text, left, right, bottom, top - bottom


def _accented(characters: list[_Character]) -> list[_Character]:
    """The characters of a line, with the accents that TeX sets over letters, as characters of their
    own, on them.

    PDFium may give such an accent at the end of the words behind it, with spaces beside it, so that
    only where it stands tells its letter: an apostrophe stands over none.
    """
    found = list(characters)
    # A copy of a letter that is set twice has no other place.
    places = {c[1]: i for i, c in enumerate(found) if c[4] and c[0].isalpha()}
    lefts = sorted(places)
    for i, (mark, left, right, _, height) in enumerate(found):
        if mark not in LOOSE or not height:
            continue
        middle = (left + right) / 2
        nearest = bisect_right(lefts, middle) - 1
        place = places[lefts[nearest]] if nearest >= 0 else i
        letter, begin, end, low, tall = found[place]
        whole = with_accent(letter, mark)
        if whole and begin <= middle <= end and height > 0.85 * tall:
            found[place] = (whole, begin, end, low, tall)
            found[i] = ("", 0, 0, 0, 0)
    if all(character for character, *_ in found):
        return found
    return _without_gaps(found)


def _without_gaps(characters: list[_Character]) -> list[_Character]:
    """The characters of a line without those that are empty, and the spaces that PDFium has put
    beside these where there is none."""
    kept: list[_Character] = []
    moved, space = False, None
    for one in characters:
        if not one[0]:
            moved = True
        elif not one[4] and one[0] == " ":
            space = one
        else:
            gap = one[1] - kept[-1][2] if kept and kept[-1][4] and one[4] else math.inf
            if space and not (moved and gap < 0.15 * one[4]):
                kept.append(space)
            kept.append(one)
            moved, space = False, None
    return kept


def _by_columns(lines: list[_Written]) -> list[_Written]:
    """The lines of a page, those of two columns apart, which some programs write row by row.

    What stands left of the gap is read first, up to a line that crosses it.
    """
    place, cuts = _gutter(lines)
    if not cuts:
        return lines
    measured = [_line(*line) for line in lines]
    crossing = {
        i
        for i, line in enumerate(measured)
        if i not in cuts and (line.left < place < line.right or is_page_number(line.text))
    }
    if len(cuts) <= len(crossing):
        return lines
    read: list[_Written] = []
    left: list[_Written] = []
    right: list[_Written] = []
    for i, (characters, bold, hyphen) in enumerate(lines):
        far = i > 0 and abs(measured[i - 1].bottom - measured[i].bottom) > 3 * measured[i].size
        if far or i in crossing:
            read += left + right
            left, right = [], []
        if i in crossing:
            read.append(lines[i])
        elif i in cuts:
            left.append((characters[: cuts[i]], bold, ""))
            right.append((characters[cuts[i] :], bold, hyphen))
        else:
            (left if measured[i].left < place else right).append(lines[i])
    return read + left + right


def _gutter(lines: list[_Written]) -> tuple[float, dict[int, int]]:
    """Where the right one of two columns begins, and which character is the first in it of each
    line that goes through both; no lines where there are no such columns.

    There is running text on both sides: the cells of a table seldom begin with a small letter.
    """
    firsts = {}
    for i, (characters, *_) in enumerate(lines):
        gaps = _wide_gaps(characters)
        if len(gaps) == 1:
            firsts[i] = gaps[0]
    begins = {i: lines[i][0][first][1] for i, first in firsts.items()}
    place = median_low(begins.values()) if begins else 0.0
    cuts = {i: first for i, first in firsts.items() if abs(begins[i] - place) < 3}
    sides = [
        [lines[i][0][:first] for i, first in cuts.items()],
        [lines[i][0][first:] for i, first in cuts.items()],
    ]
    return place, cuts if len(cuts) > 3 and all(map(_is_running_text, sides)) else {}


def _is_running_text(lines: list[list[_Character]]) -> bool:
    texts = ["".join(character for character, *_ in line).strip() for line in lines]
    small = sum(text[:1].islower() for text in texts)
    return small >= 0.4 * len(texts) and median(len(text.split()) for text in texts) >= 4


def _wide_gaps(characters: list[_Character]) -> list[int]:
    """Which characters stand behind a gap wider than two letters."""
    seen = [
        i for i, (character, *_, height) in enumerate(characters) if height and character.strip()
    ]
    size = median(characters[i][4] for i in seen) if seen else 0.0
    return [
        second
        for first, second in pairwise(seen)
        if characters[second][1] - characters[first][2] > 1.2 * size
    ]


def _goes_on(before: _Line, line: _Line) -> bool:
    """Add what PDFium takes for a line of its own, behind raised text, to the line before."""
    space = line.left - before.right
    if not -0.2 * before.size < space < before.size or before.text.endswith("-"):
        return False
    raised = line.size < 0.85 * before.size and len(line.text) < 6
    rise = line.bottom - before.bottom
    if raised and 0 < rise < before.size:
        read = raised_text(before.text, line.text)
        if not read.strip():
            before.marks.append(line.text)
        before.text += read
    elif abs(rise) < 0.15 * before.size and abs(line.size - before.size) < 0.15 * before.size:
        before.text = f"{before.text} {line.text}"
        before.marks += line.marks
        before.gaps += line.gaps
    else:
        return False
    before.right = max(before.right, line.right)
    return True


def _is_bold(text_page, i: int) -> bool:
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw.FPDFText_GetFontInfo(text_page, i, name, 128, flags)
    return bool(
        raw.FPDFText_GetFontWeight(text_page, i) >= 600
        or re.search(rb"bold|black|heavy|CMBX|SFBX|-B\b", name.value, re.I)
    )


def _line(characters: list[_Character], bold: bool, hyphen: str) -> _Line:
    """A line from its characters: each with its left and right end, its bottom and its height."""
    measured = [c for c in characters if c[4] > 0 and c[0].strip()] or characters
    size = median(c[4] for c in measured)
    usual = [c for c in measured if c[4] > 0.85 * size] or measured
    bottom = median(c[3] for c in usual)
    text = ""
    raised = ""
    marks: list[str] = []

    def end_raised() -> None:
        nonlocal text, raised
        if raised:
            read = raised_text(text, raised)
            if not read.strip():
                marks.append(raised.strip())
            text += read
            raised = ""

    for character, _, _, low, height in characters:
        above = height and height < 0.85 * size and low > bottom + 0.12 * size
        if above and character.strip():
            raised += character
        else:
            end_raised()
            text += character
    end_raised()
    return _Line(
        " ".join(text.split()) + hyphen,
        min(c[1] for c in measured),
        max(c[2] for c in measured),
        bottom,
        size,
        bold,
        len(_wide_gaps(characters)),
        marks,
    )


# -- lines to blocks -------------------------------------------------------------------------------


def _running_lines(pages: list[list[_Line]]) -> set[str]:
    """The heads and feet that stand on most pages, without their digits."""
    ends: Counter[str] = Counter()
    for lines in pages:
        texts = [_without_digits(line.text) for line in lines]
        ends.update({*texts[:2], *texts[-2:]})
    both = len(pages) == 2
    return {
        text
        for text, count in ends.items()
        if (count > 2 and count > len(pages) / 3)
        or (both and count == 2 and (len(text.split()) < 8 or not ends_sentence(text)))
    }


def _without_digits(text: str) -> str:
    return re.sub(r"\d+", "#", text.strip())


def _without_running_lines(lines: list[_Line], running: set[str]) -> list[_Line]:
    kept = [line for line in lines if _without_digits(line.text) not in running]
    # Heads come first, or last, as they are written.
    while kept and is_page_number(kept[0].text):
        kept = kept[1:]
    while kept and is_page_number(kept[-1].text):
        kept = kept[:-1]
    return kept


def _body_size(pages: list[list[_Line]]) -> float:
    """The size in which most characters are set."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[round(line.size * 4) / 4] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def _is_item(text: str) -> bool:
    """Whether a line has a bullet; a dash may stand at the beginning of any line."""
    found = BULLET.match(text)
    return bool(found and found[1] and found[1] not in "-*–")


class _Page:
    """The lines of a page as blocks."""

    def __init__(self, lines: list[_Line], body: float, number: int, left_out: LeftOut):
        self._lines, self._body, self._number = lines, body, number
        self._left_out = left_out
        widths = sorted(line.width for line in lines)
        self._width = widths[int(0.9 * (len(widths) - 1))] if widths else 0.0
        steps = [
            first.bottom - second.bottom
            for first, second in pairwise(lines)
            if 0 < first.bottom - second.bottom < 3 * max(body, 1)
        ]
        self._step = median(steps) if steps else 0.0
        self._floor = min((line.bottom for line in lines), default=0.0)
        self._height = max((line.bottom for line in lines), default=0.0) - self._floor
        self._marks = {mark for line in lines for mark in line.marks}
        self._marks |= {m.group(1) for line in lines for m in _FLAT_MARK.finditer(line.text)}

    def blocks(self) -> Iterator[Block]:
        """The page's paragraphs and headings."""
        kept: list[_Line] = []
        in_table = False
        i = 0
        while i < len(self._lines):
            line = self._lines[i]
            before = kept[-1] if kept else None
            length = self._note_length(i)
            if not length and (length := self._caption_length(i)):
                self._left_out["caption"] += 1
            row = not length and self._is_row(i)
            level = 0 if length or row else self._level(i, before)
            if length or row or level or (before and self._begins_block(before, line)):
                if kept:
                    yield self._block(kept)
                kept = []
            if row and not in_table:
                self._left_out["table"] += 1
            in_table = row
            if length or row:
                i += length or 1
                continue
            if level:
                yield Block(line.text, self._number, level)
            else:
                kept.append(line)
            i += 1
        if kept:
            yield self._block(kept)

    def _block(self, lines: list[_Line]) -> Block:
        return Block("\n".join(line.text for line in lines), self._number)

    def _begins_block(self, before: _Line, line: _Line) -> bool:
        """Whether a line begins a paragraph."""
        if _is_item(line.text):
            return True
        step = before.bottom - line.bottom
        ended = ends_sentence(before.text)
        if abs(line.size - before.size) > 0.12 * before.size:
            return ended or line.text[:1].isupper()
        if step < -self._body or step > 3 * self._step + self._body:  # the next column
            return ended or not line.text[:1].islower()
        if self._step and step > 1.35 * self._step:
            return ended or not line.text[:1].islower()
        short = before.width < 0.75 * self._width
        set_in = line.left - before.left > 0.5 * self._body and line.text[:1].isupper()
        return ended and (short or set_in)

    def _level(self, i: int, before: _Line | None) -> int:
        """The level of a heading, by its size; 0 for a line of running text."""
        line = self._lines[i]
        text = line.text
        words = len(text.split())
        if _is_item(text):
            return 0
        if ends_sentence(text.rstrip(":")) and not _NUMBERED.match(text):
            return 0
        if line.size > 1.08 * self._body and words < 25:
            return max(1, 30 - round(10 * line.size / self._body))
        short = words < 12 and line.width < 0.85 * max(self._width, 1) and not ends_sentence(text)
        after = self._lines[i + 1] if i + 1 < len(self._lines) else None
        starts = before is None or ends_sentence(before.text) or line.bold
        goes_on = after is not None and after.text[:1].islower()
        if not (short and starts and not goes_on):
            return 0
        if line.bold:
            return 20
        return 25 if text[:1].isupper() or _NUMBERED.match(text) else 0

    def _caption_length(self, i: int) -> int:
        """How many lines the caption of a table or picture has that begins here; 0 for none."""
        line = self._lines[i]
        if not _CAPTION.match(line.text):
            return 0
        # "Figure 3 shows" in mid-paragraph: the line before is full and goes on.
        if (
            i
            and not ends_sentence(self._lines[i - 1].text)
            and self._is_next(i)
            and (self._lines[i - 1].width > 0.85 * self._width)
        ):
            return 0
        length = 1
        while (
            i + length < len(self._lines)
            and self._is_next(i + length)
            and self._lines[i + length - 1].width > 0.85 * self._width
        ):
            length += 1
        return length

    def _is_next(self, i: int) -> bool:
        """Whether a line follows the one before at the usual distance, in its size."""
        before, line = self._lines[i - 1], self._lines[i]
        step = before.bottom - line.bottom
        return (
            0 < step < 1.35 * max(self._step, 0.1)
            and abs(line.size - before.size) < 0.12 * before.size
        )

    def _note_length(self, i: int) -> int:
        """How many lines the note at the bottom of the page has that begins here; 0 for none."""
        line = self._lines[i]
        small = line.size < 0.93 * self._body
        low = line.bottom < self._floor + 0.35 * self._height
        found = _NOTE.match(line.text)
        marked = bool(line.marks) and line.text and i > 0
        known = found is not None and found.group(1) in self._marks and i > 0
        if known and found is not None and not small:
            # A heading has a number too.
            rest = line.text[found.end() :]
            known = ends_sentence(rest) or line.width > 0.85 * self._width
        if not (small and low and (found or marked)):
            item = found is not None and found.group()[found.end(1) :].startswith((".", ")"))
            if not known or (item and not small and not self._has_only_notes_from(i)):
                return 0
        self._left_out["note"] += 1
        return self._lines_of_note(i, small)

    def _has_only_notes_from(self, i: int) -> bool:
        """Whether notes are all that follows on the page; else they are the items of a list."""
        while i < len(self._lines):
            found = _NOTE.match(self._lines[i].text)
            if not found or found.group(1) not in self._marks:
                return is_page_number(self._lines[i].text) and i + 1 == len(self._lines)
            i += self._lines_of_note(i, small=False)
        return True

    def _lines_of_note(self, i: int, small: bool) -> int:
        """How many lines the note has that begins here."""
        length = 1
        while i + length < len(self._lines) and self._is_next(i + length):
            following, before = self._lines[i + length], self._lines[i + length - 1]
            if small and following.size >= 0.93 * self._body:
                break
            if _NOTE.match(following.text) or following.marks:
                break
            if not small and (before.width < 0.85 * self._width or ends_sentence(before.text)):
                break
            length += 1
        return length

    def _is_row(self, i: int) -> bool:
        """Whether a line is a row of a table: has cells far apart, or is one of several short lines
        of numbers."""
        line = self._lines[i]
        if line.gaps >= 2 or (line.gaps and not re.search(r"[a-z]{2}.*[a-z]{2}", line.text)):
            return True
        around = self._lines[max(i - 1, 0) : i] + self._lines[i + 1 : i + 2]
        return self._is_cells(line) and any(map(self._is_cells, around))

    def _is_cells(self, line: _Line) -> bool:
        words = line.text.split()
        capitals = [word for word in words if word[:1].isupper() or word[:1].isdigit()]
        return (
            2 <= len(words) <= 12
            and not ends_sentence(line.text)
            and line.width < 0.8 * max(self._width, 1)
            and len(capitals) >= 0.75 * len(words)
            and not _NUMBERED.fullmatch(line.text)
        )
