"""From the blocks of a document to paragraphs: what only the words tell about running text.

Lines are joined, and words mended that a hyphen divides at a line's end; headings, page numbers,
footnotes and their marks, tables, code and the list of references are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count

from qgen.english.clean import NOTE_MARK, clean_text, has_lost_letters
from qgen.english.paragraphs import MAX_WORDS, units
from qgen.english.prose import layout_problem
from qgen.files.lines import (
    BULLET,
    MAX_WORD,
    ends_sentence,
    is_heading,
    join_lines,
    text_blocks,
    without_page_numbers,
)
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.marks import KEPT, takes_exponent

_FOOTNOTE = re.compile(
    rf"{NOTE_MARK.pattern}"
    # A note's where the text has the one before it: "made[d]", "claim[s]".
    r"|(?<=\w\w)\[(?P<next>[dnrsy])\](?![a-z\d])"
    # Behind a word or a full stop, or by itself; the ² of 120 m² and the ¹⁴ of ¹⁴C are no marks.
    r"|(?:(?<=[a-z]{3})|(?<=[.,;:)”\"])|(?<=\s))[\u00b9\u00b2\u00b3\u2070-\u2079†‡]+(?=[\s.,;:)]|$)"
    # On the line, where its raised form is lost: "to Ellby.3 It".
    r"|(?<=[a-z]{3}[.!?])\d{1,3}(?=\s+[\"“(]?[A-Z]|\s*$)"
    r"|(?<=[a-z][.!?][”\"’)])\d{1,3}(?=\s+[\"“(]?[A-Z]|\s*$)"
)
_CALCULATED = re.compile(
    r"\s?(?:[=+−×·÷<>≈≤≥±∝^]|-\s?(?:\d|\(|[^\W\d_](?![\w'’.]))|(?![aAI]\b)[^\W\d_](?![\w'’.]))"
)
"""What may follow an exponent, and not a note's mark: "= 9", "x − 1"."""
_NO_NOTE = re.compile(
    r"(?:[=∈→×]|\b(?:interval|range|domain|list|array|vector|tuple|set|matrix|segment))\s?$", re.I
)
"""Behind which numbers in brackets are these, such as "the interval [1, 2]"."""
_ABBREVIATED = re.compile(r"\b(?:vol|fig|sec|chap|eq|art|nos|pp|app)\.$", re.I)
_SPACE_LEFT = re.compile(r"(?<=[\w)\]”\"’'%])\s+(?=(?:[,;!?)]|\.(?!\s*\.)|:(?!\s*\d))(?:\s|$))")
"""Before a mark of the sentence, such as of "in 1897 [12], and"; not of " . . ." and "3 : 4"."""
_FOOTNOTE_TEXT = re.compile(r"\[\^[^\]]+\]:|[¹²³⁰⁴-⁹]{1,3}\s+[\"“(]?[A-Z]|\[Footnote\b")
_REFERENCES = re.compile(
    r"(?:(?:\d+(?:\.\d+)*|[IVX]+|[A-Z])[.)]?\s+)?"
    r"(?:references(?: cited| and notes| and further reading)?|bibliography|works cited"
    r"|literature cited|cited literature|reference list|list of references|notes and references"
    r"|selected bibliography|bibliographical references|further reading|external links|endnotes"
    r"|footnotes|citations)\s*:?",
    re.I,
)
_REFERENCE = re.compile(
    # A number, "van der Berg" or what another page begins; "Smith, J."; "Smith JA"; "Smith (1990)."
    r"^\s*(?:[a-z\d\[(]|[\w'’-]+(?:, ?[A-Z]\.| [A-Z]{1,2}(?:\.|, [\w'’-]+ [A-Z]{1,2}\b))"
    r"|\D{3,80}\((?:1[5-9]|20)\d\d[a-z]?\)[.:])"
    r"|, (?:1[5-9]|20)\d\d[a-z]?\.?\s*$|\d[-–]\d+, (?:1[5-9]|20)\d\d|\d{4};\d"
    r"|\bpp?\. ?\d|https?:|\b(?:doi|ISBN)\b"
)
"""What a reference has and running text seldom."""
_NUMBERED = re.compile(r"(?:\d{1,2}(?:\.\d+)*|[IVX]+)[.)]?\s+[^\W\d_]")
"""A heading that a text may go on with, or the number of a page and what runs over it."""
_NEXT_PART = re.compile(
    r"(?:appendix|appendices|annex|chapter|part|supplement\w*)\b"
    r"|(?:unit|lesson|module|section|lecture|session|week|day|topic|book|volume)\s+"
    r"(?:\d+(?:\.\d+)*|[ivxlc]+|one|two|three|four|five|six|seven|eight|nine|ten)"
    r"(?:\s*[.:–—-]|\s+[^\W\d_]|\s*$)",
    re.I,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|had|have|does|did|will|would|can|could|may|must|shall|should"
    r"|it|he|she|they|we|you|I)\b"
)
"""Words that a paragraph has and a reference seldom."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a document.

    Attributes:
        text: on one line.
        number: which of the document's paragraphs it is, from 1.
        page: its page or slide, from 1, where the format has them.
        headings: those over it, the outermost first, where they can be told.
    """

    text: str
    number: int
    page: int | None = None
    headings: tuple[str, ...] = ()


def paragraphs(blocks: Iterable[Block], left_out: LeftOut) -> Iterator[Paragraph]:
    """The paragraphs of a document's blocks; what is left out is counted.

    The list of references is left out (:class:`_References`).
    """
    references, numbers = _References(), count(1)
    over: list[tuple[int, str]] = []  # the headings, with their levels
    notes: set[str] = set()  # the marks so far
    for text, page, level, _, item in _listed(_whole(_opened(blocks, left_out))):
        if not level and not _FOOTNOTE_TEXT.match(text.lstrip()):
            text = _without_marks(text, notes)
        lines = _lines(text)
        if level or (lines and is_heading(lines)):
            heading = " ".join(lines).replace(KEPT, "")
            begins = bool(_REFERENCES.fullmatch(heading))
            bullet = BULLET.match(text)
            if not (level or begins) and (item or (bullet and bullet[1])):
                left_out["list item"] += not references.open
                continue
            if begins:
                left_out["list of references"] += not references.open
                references.begin(level)
            else:
                references.pass_heading(heading, level)
            depth = level or _UNKNOWN_LEVEL
            over = [one for one in over if one[0] < depth]
            if not (level and _is_prose(heading)):
                over.append((depth, heading))
                continue
        for part, its_page in references.read(text, page):
            # A heading in a line of its own, without an empty one round it.
            lines = _lines(part)
            at = next((i for i, line in enumerate(lines) if _is_references_line(line)), None)
            if at is not None:
                part = "\n".join(lines[:at])
                left_out["list of references"] += 1
                references.begin(0)
            for prose in _paragraphs(part, left_out, notes):
                headings = tuple(heading for _, heading in over)
                yield Paragraph(prose, next(numbers), its_page, headings)


_UNKNOWN_LEVEL = 9
"""Of a heading that only its words show to be one."""


class _References:
    """A list of references, in which nothing is read.

    It ends with a heading of its own heading's level or above, or that of a part, such as "Unit 2".
    Where headings have no levels, it also ends with one under which the text goes on: with a
    paragraph where the heading has a number, and with two of clear prose where it has none.
    """

    def __init__(self) -> None:
        self.open = False
        self._level = 0  # of its heading
        self._needed = 0  # how many paragraphs end it; 0 where no heading has come
        self._held: list[tuple[str, int | None]] = []  # those so far, and what is between them
        self._prose = 0  # how many they are

    def begin(self, level: int) -> None:
        """Begin the list, unless it is one in another."""
        self._level = self._level if self.open else level
        self.open, self._needed, self._held, self._prose = True, 0, [], 0

    def pass_heading(self, heading: str, level: int) -> None:
        """Take note of a heading, which may end the list."""
        if (level and (level <= self._level or not self._level)) or _NEXT_PART.match(heading):
            self.open = False
        self._needed = 1 if self._needed == 1 or _NUMBERED.match(heading) else 2
        self._held, self._prose = [], 0

    def read(self, text: str, page: int | None) -> list[tuple[str, int | None]]:
        """What is read once a paragraph has come: nothing in the list, and behind it also what
        was held back, each with its page."""
        if not self.open:
            return [(text, page)]
        prose = len(text.split()) >= 12
        if _REFERENCE.search(text) or (prose and self._needed == 2 and not _VERB.search(text)):
            self._needed, self._held, self._prose = 0, [], 0
        elif self._needed and not self._level:
            self._held.append((text, page))
            self._prose += prose
            if self._prose == self._needed:
                self.open = False
                return self._held
        return []


def _opened(blocks: Iterable[Block], left_out: LeftOut) -> Iterator[Block]:
    """The blocks, with the prose of preformatted ones, such as of an old mail, as blocks; two line
    breaks are as good as a new paragraph."""
    for block in blocks:
        if not block.preformatted:
            parts = [block.text] if block.level else re.split(r"\n[^\S\n]*\n", block.text)
            yield from (block._replace(text=part) for part in parts)
            continue
        prose = [
            text
            for text in text_blocks(block.text)
            if len(text.split()) >= 6 and ends_sentence(text) and not layout_problem(text)
        ]
        left_out["block of code"] += not prose
        for text in prose:
            yield Block(text, block.page)


def _whole(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with their characters mended, those joined that the end of a page divides."""
    waiting: Block | None = None
    for block in blocks:
        block = block._replace(text=unicodedata.normalize("NFC", clean_text(block.text)))
        if not re.search(r"\w", block.text):  # such as the "* * *" between scenes
            continue
        if (
            waiting is not None
            and not (waiting.level or block.level or ends_sentence(waiting.text))
            and waiting.page != block.page
            and len(waiting.text.split()) >= 8
            and re.match(r"\s*[a-z]", block.text)
        ):
            waiting = waiting._replace(text=f"{waiting.text.rstrip()}\n{block.text.lstrip()}")
            continue
        if waiting is not None:
            yield waiting
        waiting = block
    if waiting is not None:
        yield waiting


def _listed(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, items only those beside another: else the number is that of a heading."""
    before: Block | None = None
    block: Block | None = None
    for after in chain(blocks, [None]):
        if block is not None:
            item = _is_item(block) and (_is_item(before) or _is_item(after))
            yield block._replace(item=item)
        before, block = block, after


def _is_item(block: Block | None) -> bool:
    return bool(block and not block.level and (block.item or BULLET.match(block.text)))


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return without_page_numbers([line for line in lines if line])


def _is_prose(heading: str) -> bool:
    """Whether what is set as a heading is a sentence, such as a contract's numbered clause.

    A question of any length may be a heading, and so may what is in the capitals of a title: in a
    clause, however many terms have them, three in ten of the longer words have none.
    """
    asks = heading.rstrip("\"'”’)] ").endswith("?")
    longer = re.findall(r"[^\W\d_]{4,}", heading)
    is_title = sum(word[0].islower() for word in longer) < 0.3 * len(longer)
    long = len(heading.split()) >= 12
    return long and ends_sentence(heading) and not (asks or is_title)


def _is_references_line(line: str) -> bool:
    return line[:1].isupper() and len(line) < 40 and bool(_REFERENCES.fullmatch(line))


def _paragraphs(text: str, left_out: LeftOut, notes: set[str]) -> Iterator[str]:
    """A block's text on one line, in pieces of sensible size; none if it is not prose."""
    lines = _lines(text)
    if not lines or is_heading(lines):
        return
    if _FOOTNOTE_TEXT.match(lines[0]):
        left_out["note"] += 1
        return
    if max(map(len, text.split())) > MAX_WORD:  # nor are the patterns below made for such
        left_out["block of code"] += 1
        return
    if problem := layout_problem(text):
        left_out["block of code" if "code" in problem else "table"] += 1
        return
    if has_lost_letters(text):
        left_out["paragraph with lost letters"] += 1
        return
    text = BULLET.sub("", join_lines(lines))
    text = _SPACE_LEFT.sub("", _without_marks(text, notes))
    text = re.sub(r"\s+", " ", text.replace(KEPT, "")).strip()
    if len(text.split()) <= MAX_WORDS:
        if re.search(r"\w", text):  # more than what stands for a formula
            yield text
        return
    pieces: list[str] = []
    for sentence in _sentences(text):
        if pieces and len(pieces[-1].split()) + len(sentence.split()) <= MAX_WORDS:
            pieces[-1] += " " + sentence
        else:
            pieces.append(sentence)
    yield from pieces


def _sentences(text: str, most: int = 20_000) -> Iterator[str]:
    """The sentences of a text, and the parts of overlong ones, such as of captions without marks;
    some thousand characters at a time: nltk bounds its own time."""
    while text:
        end = len(text)
        if end > most:
            ends = list(re.finditer(r"[.!?][\"”’)]?\s+(?=[A-Z\"“])", text[:most]))
            end = ends[-1].end() if ends else text.rfind(" ", 0, most) + 1 or most
        part, text = text[:end].strip(), text[end:]
        for begin, last in units(part):
            yield part[begin:last]


def _without_marks(text: str, notes: set[str]) -> str:
    """The text without the marks of notes, which are added to those of the text before."""

    def drop(match: re.Match) -> str:
        found, before = match.group(), text[max(match.start() - 24, 0) : match.start()]
        if _ABBREVIATED.search(before[-8:]):
            return found
        raised = found.isdigit() and not found.isascii()
        if raised and (takes_exponent(before) or _CALCULATED.match(text, match.end())):
            return found
        several = re.match(r"\[\d+[,–-]", found) and _NO_NOTE.search(before)
        if re.match(r"\[\d", found) and (several or re.search(r"\b0\b", found)):
            return found
        if match["next"] and chr(ord(match["next"]) - 1) not in notes:
            return found
        notes.add(found.strip("[]"))
        return ""

    return _FOOTNOTE.sub(drop, text)
