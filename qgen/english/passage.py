"""A passage, its sentences and the tags of its words: found once, when they are first asked for.

nltk divides, TextBlob's lexicon tagger tags.  Nothing is downloaded.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache, cached_property, wraps
from threading import Lock
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar

from qgen.english.dictionary import tag_words

T = TypeVar("T")

_ABBREVIATIONS = (
    "dr mr mrs ms st prof sr jr gen col lt rev hon vs etc e.g i.e u.s u.k a.m p.m no vol inc ltd "
    "co spp subsp al op ph.d sen gov rep sgt adm capt cmdr maj pres mt ft jan feb mar apr jun jul "
    "aug sep sept oct nov dec fig figs eq ch c ca cf p pp approx dept mme mlle messrs pvt cpl"
)
_GOES_ON = re.compile(
    r"\b[A-Za-z]\.[A-Za-z]\. |(?:[^.!?]\.|[.!?][\"”’']) [a-z](?![A-Z])",
)
"""Around a gap that ends no sentence: "the U.N. voted", "2 tbsp. of sugar", '"Stop!" he cried'."""
_ALSO_GO_ON = (
    (re.compile(r"\b[A-Z]\w+[!?]\Z"), re.compile(r"(?:is|was|has|had|won|will)\b")),
    (re.compile(r"\b(?:Art|Sec|[Pp]ara)\.\Z"), re.compile(r"\d+(?:\(|,| (?:of|and|to)\b)")),
)
"""Before and behind such a gap, where it takes more letters to tell: "Yahoo! was", "Art. 6 of"."""
_ENDS = re.compile(
    r"\b(?:[ap]\.m\.(?=\s+[A-Z])(?!\s+(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[ECMP][SD]?T|"
    r"GMT|UTC|BST|Eastern|Central|Mountain|Pacific|Greenwich)\b)"
    r"|(?i:no|etc|st|ft|jr|sr|inc|ltd|co|al|[a-z])(?<!\be\.g)(?<!\bi\.e)\."
    r"(?=\s+(?:The|He|She|It|They|We|In|On|At|By|For|From|This|That|These|Those|There|His|Her|Its|"
    r"Their|But|And|As|When|After|Although|However)\b))(\s+)"
)
"""Where a sentence ends with an abbreviation: "at 9 a.m. On Monday", "in the U.S. The law"."""
_RANGE = re.compile(r"\d[\d.,]*–\d[\d.,]*\w*")
_ONE_WORD = re.compile(rf"{_RANGE.pattern}|[A-Z]\w*&[A-Z]\w*")
"""What nltk divides: "1939–45", "AT&T"."""
_REMEMBERED = 400_000
"""Characters of the passages whose sentences and tags are kept, the latest ones: some 40 MB."""


class Token(NamedTuple):
    """A word or mark: its place in the passage, in characters, and its Penn Treebank tag."""

    start: int
    end: int
    tag: str


class Passage:
    """A text and what is known of it; :meth:`of` shares that among all that look at one text."""

    def __init__(self, text: str):
        self.text = text
        self._derived: dict[Callable, Any] = {}

    @staticmethod
    def of(text: str) -> Passage:
        """The passage of a text: the same one as before, where it was used lately."""
        return _LATEST.get(text)

    @cached_property
    def sentences(self) -> list[tuple[int, int]]:
        """Where each sentence begins and ends, in characters."""
        spans = []
        for start, end in _joined(self.text):
            for gap in _ENDS.finditer(self.text, start, end):
                spans.append((start, gap.start(1)))
                start = gap.end()
            spans.append((start, end))
        return spans

    @cached_property
    def tokens(self) -> list[list[Token]]:
        """The words and marks of each sentence.

        Capitals inside a sentence mark proper nouns, what starts with a digit is a number, and a
        mark that the lexicon does not have, such as a dash, is no noun.
        """
        found = []
        for begin, end in self.sentences:
            text = self.text[begin:end].replace("’", "'")  # which nltk and the lexicon know
            spans = _words(text)
            words = [text[a:b] for a, b in spans]
            tags = tag_words(words)
            tokens = []
            for i, ((a, b), word, tag) in enumerate(zip(spans, words, tags, strict=True)):
                if i and word[0].isupper() and tag[:2] in {"CD", "JJ", "NN", "VB", "RB"}:
                    tag = "NNP"
                elif re.fullmatch(r"\d[\d.,]*\w*", word) or _RANGE.fullmatch(word):
                    tag = "CD"
                elif word in {"£", "€", "¥"}:
                    tag = "$"
                elif tag == "NN" and word != "%" and not re.search(r"\w", word):
                    tag = "SYM"
                tokens.append(Token(begin + a, begin + b, tag))
            found.append(tokens)
        return found


def once_a_passage(function: Callable[[Passage], T]) -> Callable[[str], T]:
    """The function of a passage as one of its text, worked out once for each."""

    @wraps(function)
    def remembered(text: str) -> T:
        derived = Passage.of(text)._derived
        if function not in derived:  # two threads may both work it out, to the same end
            derived[function] = function(Passage.of(text))
        return derived[function]

    return remembered


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Character offsets ``(start, end)`` of a text's sentences."""
    return Passage.of(text).sentences


def _joined(text: str) -> list[tuple[int, int]]:
    """nltk's sentences, those that it divides at an abbreviation or a quotation in one.

    In a sentence that begins small a small letter tells nothing: its writer has no capitals.
    """
    spans: list[tuple[int, int]] = []
    for block, behind in _blocks(text):
        begin = last = -1
        for start, end in _tools().sentences.span_tokenize(text[block:behind]):
            start, end = block + start, block + end
            gap = f"{text[max(begin, last - 5) : last]} {text[start : start + 2]}"
            goes_on = _GOES_ON.search(gap) or any(
                before.search(text[max(begin, last - 20) : last]) and behind.match(text, start)
                for before, behind in _ALSO_GO_ON
            )
            if begin >= 0 and goes_on and not text[begin].islower():
                spans[-1] = begin, end
            else:
                spans.append((start, end))
            begin, last = spans[-1]
    return spans


def _words(text: str) -> list[tuple[int, int]]:
    """nltk's words and marks; "£" and "−" stand off their number, "10–15" and "AT&T" are one."""
    held: list[tuple[int, int]] = []
    for start, end in _tools().words.span_tokenize(text):
        while text[start] in "£€¥−+" and re.match(r"[$£€¥]?\d", text[start + 1 : end]):
            held.append((start, start + 1))
            start += 1
        if len(held) > 1 and _ONE_WORD.fullmatch(text, held[-2][0], end):
            start = held[-2][0]
            del held[-2:]
        held.append((start, end))
    return held


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """What stands between blank lines, and each item of a list: no sentence runs on to the next."""
    begin = 0
    for gap in re.finditer(r"\s+", text):
        lines = gap[0].count("\n")
        if lines > 1 or (lines and text.startswith(("- ", "• "), gap.end())):
            yield begin, gap.start()
            begin = gap.end()
    yield begin, len(text)


class _Latest:
    """The passages used last, by their text."""

    def __init__(self, characters: int):
        self._characters = characters
        self._passages: OrderedDict[str, Passage] = OrderedDict()
        self._held = 0
        self._lock = Lock()

    def get(self, text: str) -> Passage:
        with self._lock:
            passage = self._passages.get(text)
            if passage is None:
                passage = self._passages[text] = Passage(text)
                self._held += len(text)
            self._passages.move_to_end(text)
            while self._held > self._characters and len(self._passages) > 1:
                self._held -= len(self._passages.popitem(last=False)[0])
            return passage


_LATEST = _Latest(_REMEMBERED)


@cache
def _tools() -> SimpleNamespace:
    # Here since nltk imports scikit-learn and pandas with it, where there are any.
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    return SimpleNamespace(words=NLTKWordTokenizer(), sentences=PunktSentenceTokenizer(parameters))
