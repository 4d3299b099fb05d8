"""What a word is, which of them carry meaning, and how alike texts are in their words."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from itertools import pairwise

from qgen.english.quantities import DIGITS, NUMBER_WORDS, TENS, number_of

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A word as people count them: letters, with the apostrophe of "don't"."""
PIECE = re.compile(r"\w+")
"""A run of letters and digits, between marks and spaces: "don't" has two."""
PIECE_OR_MARK = re.compile(r"[^\W_]+|[^\w\s]|_")
"""What BERT's basic tokenizer makes of a text."""
_BEFORE_VOWEL = re.compile(
    r"an? (?:(?!uni[cfoqtv]|unanim|unilat|use|usual|usur|ubi|uga|uk[ru]|ur[aeiou]|ut[aeio]|u[iy]gh|"
    r"uzbe|u\.|eu|onc?e\b)[aeiou]|hour|heir|honou?r|honest|8|(?:11|18)(?:\d\d)?(?!\d))",
    re.I,
)
_SPELLED = re.compile(
    r"[Aa]n? (?!(?:RAM|ROM|SIM|LAN|HUD)\b)([A-Za-z])(?:(?![^\W\d_]|['’])|(?<=[a-z])(?=[A-Z])|"
    r"(?<=[A-Z])[A-Z]{1,2}(?![^\W\d_])|(?<=U)(?=[A-Z]{2})|(?=[A-Z]{3})(?:(?<=[HLMN])[^AEIOU]|"
    r"(?<=F)[^AEIOULR]|(?<=R)[^AEIOUH]|(?<=S)(?:[BDFGJRVXYZ]|.[^AEIOUHRY])|(?<=X)))"
)
"""A letter by itself ("X-ray", "F.B.I."), and the first of those that are read one by one ("NFL",
"mRNA", "HTML"; not "NATO")."""
_STEM = re.compile(r"\w+(?:[.,]\d+)*")

INTERROGATIVES = ("what", "who", "whom", "whose", "when", "where", "which", "why", "how")
QUESTION_WORD = re.compile(rf"\b(?:{'|'.join(INTERROGATIVES)})\b", re.I)
"""What a question asks for, such as "who"; it need not come first."""
MODALS = tuple("can could may might must shall should will would".split())
FINITE_AUXILIARIES = (*"am are is was were do does did has have had".split(), *MODALS)
ASKS_FOR_PERSON = re.compile(r"\b(?:who|whom|whose)\b", re.I)
FUNCTION_WORDS = frozenset(
    "a an and are as at be but by can did do does for from had has have he her his i in is it its "
    "not of on or she so that the their then there they this to was we were when which who will "
    "with would you your".split()
)
ARTICLES = frozenset({"a", "an", "the"})
PAIRS = (("(", ")"), ("[", "]"), ("“", "”"))
_CLOSES_FIRST = re.compile(r'[^"]*(?:[^\W\d]|[.,;!?])"|[^(]*\)|[^\[]*\]|[^“]*”')


def fold(text: str) -> str:
    """Lower case without accents, as an uncased BERT vocabulary has it."""
    if text.isascii():  # as most are, and the lexicon is folded word by word
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def marks_pair(text: str) -> bool:
    """Whether each quotation mark and bracket of a text has its other one, in their order."""
    return (
        not text.count('"') % 2
        and all(text.count(a) == text.count(b) for a, b in PAIRS)
        and not _CLOSES_FIRST.match(text)
    )


def stems(text: str) -> list[str]:
    """Folded words without possessive or plural endings."""
    words = _STEM.findall(re.sub(r"['’]s\b|['’](?=\s|$)", "", fold(text)))
    return [re.sub(r"(?<=\w{3})s$", "", word) for word in words]


def content_stems(text: str) -> list[str]:
    """The folded words that carry meaning, without possessive or plural endings."""
    return [stem for stem in stems(text) if stem not in FUNCTION_WORDS]


def words_repeated(question: str) -> int:
    """How many content words of a question stand in it before."""
    words = content_stems(question)
    return len(words) - len(set(words))


def near_duplicates(first: str, second: str) -> bool:
    """Whether two questions ask the same in all but a word or two: of five content words in either,
    four are in both."""
    a, b = set(content_stems(first)), set(content_stems(second))
    return bool(a | b) and len(a & b) >= 0.8 * len(a | b)


def answer_tokens(text: str) -> list[str]:
    """The words of an answer as SQuAD's evaluation compares them: lower-cased, without punctuation
    and articles (Rajpurkar et al. 2016)."""
    words = "".join(c for c in text.lower() if c not in string.punctuation).split()
    return [word for word in words if word not in ARTICLES]


def token_f1(first: str, second: str) -> float:
    """The harmonic mean of the shares of each answer's words that the other has, from 0 to 1."""
    left, right = Counter(answer_tokens(first)), Counter(answer_tokens(second))
    if not left or not right:
        return float(left == right)
    return 2 * (left & right).total() / (left.total() + right.total())


def same_answer(first: str, second: str) -> bool:
    """Whether two answers count as one: by a token F1 of at least a half (no measurement of that is
    recorded), unless each has a number that the other has not, as "5 May" and "6 May"."""
    left, right = _numbers(first), _numbers(second)
    return (left <= right or right <= left) and token_f1(first, second) >= 0.5


_ONES = "|".join(word for word in NUMBER_WORDS if word not in TENS)
_DIGITS = re.compile(rf"(?:(?<!\w)[-−])?{DIGITS}")
_WORDED = re.compile(rf"\b(?:(?:{'|'.join(TENS)})(?:[- ](?:{_ONES}))?|{_ONES})\b")
_ROMAN = re.compile(r"\b[A-Z][\w'’]+ ([IVX]+)\b")


def _numbers(text: str) -> set[float | str]:
    """The numbers of an answer, in digits, words or, behind a name, Roman ones; and what they are
    multiplied by, such as "million"."""
    low = text.lower()
    return {
        *map(number_of, [*_DIGITS.findall(text), *_WORDED.findall(low)]),
        *(_of_roman(number) for number in _ROMAN.findall(text)),
        *re.findall(r"\b(?:hundred|thousand|[mbtr]+illion)\b", low),
    }


def _of_roman(number: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in number]
    return sum(-v if v < after else v for v, after in pairwise([*values, 0]))


def spaced(text: str) -> str:
    """The text with one space for a line's end and other white space, and none at its ends."""
    return " ".join(text.split())


def capitalized(text: str) -> str:
    """The text with a capital at its beginning, but for a word with a capital inside ("eBay",
    "pH")."""
    first = re.match(r"[^\W\d_]+", text)
    return text if first and first[0] != first[0].lower() else text[:1].upper() + text[1:]


def with_article(phrase: str) -> str:
    """The phrase with "a" or "an", if it begins with either, as its next word is spoken."""
    spelled = None if phrase.isupper() else _SPELLED.match(phrase)  # "A MAN" is read as ever
    vowel = spelled[1] in "AEFHILMNORSXaefhilmnorsx" if spelled else _BEFORE_VOWEL.match(phrase)
    return re.sub(r"^(a)n?(?= )", r"\1n" if vowel else r"\1", phrase, flags=re.I)
