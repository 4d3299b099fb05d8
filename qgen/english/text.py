"""Text in and out: sentences and tags of a passage, plain text of Penn Treebank lines, and the
spacing and case of generated questions.

nltk tokenises; TextBlob's lexicon tagger, which ships with its data, tags.  Nothing is downloaded.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from nltk.tokenize.treebank import TreebankWordDetokenizer
from textblob.en import lexicon
from textblob.en import tag as pos_tag

from qgen.english.dictionary import lemmas

_ABBREVIATIONS = (
    "dr mr mrs ms st prof sr jr gen col lt rev hon vs etc e.g i.e u.s u.k a.m p.m no vol inc ltd co"
)
_AFTER_TIME = re.compile(r"\b[ap]\.m\.(\s+)(?=[A-Z])")
"""Where a sentence ends with a time of day: "at 9 a.m. On Monday", not "at 9 a.m. on Monday"."""
_FUNCTION = frozenset("CC DT EX IN PRP PRP$ TO WDT WP WRB".split())
"""Tags, in the tagger's lexicon, of words that are never names."""
_AFTER_KIND = frozenset("IN MD TO VBD VBN VBP VBZ".split())
"""Those of what may follow a noun that is not part of a longer one."""

_BRACKETS = {
    "-lrb-": "(",
    "-rrb-": ")",
    "-lsb-": "[",
    "-rsb-": "]",
    "-lcb-": "{",
    "-rcb-": "}",
}
INTERROGATIVES = ("what", "who", "whom", "whose", "when", "where", "which", "why", "how")
QUESTION_WORD = re.compile(rf"\b(?:{'|'.join(INTERROGATIVES)})\b", re.I)
"""What a question asks for, such as "who"; it need not come first."""

_TOKENIZER = NLTKWordTokenizer()
_DETOKENIZER = TreebankWordDetokenizer()
_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")


def sentence_spans(passage: str) -> list[tuple[int, int]]:
    """Character offsets ``(start, end)`` of the passage's sentences."""
    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    spans = []
    for start, end in PunktSentenceTokenizer(parameters).span_tokenize(passage):
        for gap in _AFTER_TIME.finditer(passage, start, end):
            spans.append((start, gap.start(1)))
            start = gap.end()
        spans.append((start, end))
    return spans


@lru_cache(maxsize=64)
def tagged_sentences(passage: str) -> list[list[tuple[int, int, str]]]:
    """The tokens of each sentence as ``(start, end, part-of-speech tag)``.

    Offsets count characters of the passage; tags are Penn Treebank ones.  Capitals inside a
    sentence mark proper nouns, and tokens that start with a digit are numbers.
    """
    sentences = []
    for begin, end in sentence_spans(passage):
        text = passage[begin:end]
        spans = list(_TOKENIZER.span_tokenize(text))
        tags = pos_tag(" ".join(text[a:b] for a, b in spans), tokenize=False)
        tokens = []
        for i, ((a, b), (token, tag)) in enumerate(zip(spans, tags, strict=True)):
            if i and token[0].isupper() and tag[:2] in {"JJ", "NN", "VB", "RB"}:
                tag = "NNP"
            elif re.fullmatch(r"\d[\d.,]*\w*", token):
                tag = "CD"
            tokens.append((begin + a, begin + b, tag))
        sentences.append(tokens)
    return sentences


def detokenize_ptb(text: str) -> str:
    """Plain text of a lower-cased, space-separated Penn Treebank line (Du et al. 2017)."""
    tokens = [_BRACKETS.get(token, token) for token in text.split()]
    return _DETOKENIZER.detokenize(tokens)


def respace(text: str, passage: str = "") -> str:
    """Close up the spaces that joined word pieces have round punctuation.

    Neighbours that also stand together in the passage are spaced as they mostly are there, by
    preference behind the same third token (``24 - 10``: ``24–10``, ``u . s .``: ``U.S.``); others,
    and quotes everywhere, by the usual rules of English.

    Args:
        text: tokens separated by single spaces, as BERT's basic tokenizer makes them.
        passage: the text the question is about.
    """
    tokens = text.split()
    roles = _quote_roles(tokens)
    seen = _spacing(passage)
    result = ""
    for i, token in enumerate(tokens):
        before, role_before = (tokens[i - 1], roles[i - 1]) if i else ("", "")
        context = (tokens[i - 2] if i > 1 else "", before, token)
        known = seen.get(context) or seen.get(context[1:])
        closing = token in _CLOSING and (i == len(tokens) - 1 or role_before == "closes")
        if roles[i] == "opens":
            gap = before not in _OPENING
        elif roles[i] == "closes" or role_before == "opens" or closing:
            gap = False
        elif role_before == "closes":
            gap = token not in _INSEPARABLE
        elif known:
            gap = known.most_common(1)[0][0]
        else:
            gap = _usual_gap(tokens, i)
        result += " " * (gap and i > 0) + token
    return result


_CLOSING = frozenset(".,?!:;)]}%’”…")
_OPENING = frozenset("([{$£€#‘“")
_INSEPARABLE = frozenset("-/–'’")
_VERBS = {"is", "was", "does", "has", "as"}
_CONTRACTIONS = {"s", "t", "re", "ve", "ll", "d", "m"}


@lru_cache(maxsize=64)
def _spacing(passage: str) -> dict[tuple[str, ...], Counter[bool]]:
    """For each two tokens in a row, and each three, how often a space is before the last."""
    found: dict[tuple[str, ...], Counter[bool]] = {}
    marks = [(fold(m.group()), m.start(), m.end()) for m in _WORD_OR_MARK.finditer(passage)]
    for i in range(1, len(marks)):
        gap = marks[i - 1][2] < marks[i][1]
        pair = (marks[i - 1][0], marks[i][0])
        found.setdefault(pair, Counter())[gap] += 1
        if i > 1:
            found.setdefault((marks[i - 2][0], *pair), Counter())[gap] += 1
    return found


def _quote_roles(tokens: list[str]) -> list[str]:
    """For each token: "opens" or "closes" a quotation, or "" (an apostrophe is no quotation)."""
    roles = [""] * len(tokens)
    opened: set[str] = set()
    for i, token in enumerate(tokens):
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        before = tokens[i - 1] if i else ""
        if token == "'" and "'" not in opened:
            later = [n for n in range(i + 2, len(tokens)) if tokens[n] == token]
            closes = any(tokens[n + 1 : n + 2] != ["s"] for n in later)
            plural = before.endswith("s") and before not in _VERBS
            prefix = len(before) == 1 and before.isalpha() and before != "a"  # o'brien
            if not closes or plural or prefix or (before and following in _CONTRACTIONS):
                continue
        elif (token == "'" and following in _CONTRACTIONS) or token not in {"'", '"'}:
            continue
        roles[i] = "closes" if token in opened else "opens"
        opened ^= {token}
    return roles


def _usual_gap(tokens: list[str], i: int) -> bool:
    """Whether English puts a space between token ``i`` and the one before."""
    before, token = tokens[i - 1] if i else "", tokens[i]
    earlier = tokens[i - 2] if i > 1 else ""
    if before in {".", ":"} and token[0].isdigit() and earlier[-1:].isdigit():
        return False  # 5.25, 8:30
    if before == "," and len(token) == 3 and token.isdigit() and earlier.isdigit():
        return len(earlier) > 3  # 1,200
    around = tokens[max(i - 1, 0) : i + 2] if token == "&" else tokens[max(i - 2, 0) : i + 1]
    if "&" in (before, token) and [len(part) for part in around] == [1, 1, 1]:
        return False  # r&b
    if before == token == "_":
        return False  # a blank to fill in
    if before == "." and len(earlier) == 1 and earlier.isalpha() and len(token) == 1:
        return not token.isalpha()  # u.s.
    if before == "'" and earlier.endswith("s") and token not in _CONTRACTIONS:
        return True  # the plants' leaves
    if token in _CLOSING or token in _INSEPARABLE:
        return False
    return before not in _OPENING and before not in _INSEPARABLE


def recase(question: str, passage: str) -> str:
    """Give a lower-cased question the passage's capitals and accents, and a capital at its start.

    A word takes the spelling that the passage uses for it beside the same neighbour, or else
    anywhere, if it is only one.  The first word of a sentence counts only if it is a proper noun.
    In "Which war did it end?" there is none, though the passage has a "Thirty Years' War".
    """
    spellings = _spellings(passage)
    matches = list(re.finditer(r"\w+", question))
    asked = [match.group() for match in matches]
    result, position = "", 0
    for i, match in enumerate(matches):
        known = [spellings.get(context, set()) for context in _contexts(asked, i)]
        spelling = next((next(iter(s)) for s in known if len(s) == 1), match.group())
        if spelling.istitle() and len(known[0]) != 1 and _is_kind(asked, i):
            spelling = match.group()
        result += question[position : match.start()] + spelling
        position = match.end()
    result += question[position:]

    def initials(match: re.Match) -> str:
        upper = match.group().upper()
        return upper if upper in passage else match.group()

    result = re.sub(r"\b(?:\w\.){2,}", initials, result)
    return result[:1].upper() + result[1:]


@lru_cache(maxsize=64)
def _spellings(passage: str) -> dict[tuple[str, ...], set[str]]:
    """How the passage spells each word, alone and beside its neighbours."""
    spellings: dict[tuple[str, ...], set[str]] = {}
    for sentence in tagged_sentences(passage):
        if sentence and _is_shouted(passage[sentence[0][0] : sentence[-1][1]]):
            continue  # its capitals say nothing
        words, counts = [], []
        for i, (start, end, tag) in enumerate(sentence):
            found = list(re.finditer(r"\w+", passage[start:end]))
            words += [match.group() for match in found]
            following = passage[sentence[i + 1][0]] if i + 1 < len(sentence) else ""
            # The first word, in "Tom: Yes" too, has a capital anyway; "Marie Curie" and "Zoë" are
            # names, "Rent" and "Whisk" are not.
            first = i == 0 or passage[sentence[i - 1][1] - 1] == ":"
            counted = not first or (
                tag.startswith("NNP")
                and (following.isupper() or not _is_common(passage[start:end].lower()))
            )
            for match in found:
                # So has what follows a full stop without a space, as "The" in "in 1973.The potato".
                word, place = match.group(), start + match.start()
                begins = place > 0 and passage[place - 1] in ".!?"
                counts.append(not word.istitle() or (counted and not (begins and _no_name(word))))
        for i, word in enumerate(words):
            if counts[i]:
                for context in _contexts(words, i):
                    spellings.setdefault(context, set()).add(word)
    return spellings


def _is_kind(asked: list[str], i: int) -> bool:
    """Whether a question's word says of what kind the answer is, as "war" in "which war did"."""
    if i == 0 or asked[i - 1] not in {"what", "which"}:
        return False
    # An inflected verb or a preposition follows, and no other noun: "which Apple watch".
    last = i + 1 == len(asked)
    return (last or lexicon.get(asked[i + 1]) in _AFTER_KIND) and _is_common(asked[i])


def _no_name(word: str) -> bool:
    return lexicon.get(word.lower()) in _FUNCTION or _is_common(word.lower())


def _is_common(word: str) -> bool:
    """Whether a lower-cased word is a common one, or a verb or a plural, which are seldom names.

    The tagger's lexicon alone has "maria", the inflector's dictionary alone "amir".
    """
    known = lemmas(word)
    verb, plural = word in known.get("VERB", ()), word not in known.get("NOUN", (word,))
    return bool(known) and (word in lexicon or verb or plural)


def _is_shouted(text: str) -> bool:
    """Whether a sentence of several words is all in capitals."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    return len(words) > 2 and all(word.isupper() for word in words)


def _contexts(words: list[str], i: int) -> list[tuple[str, ...]]:
    """What to look word ``i`` up by: with its left neighbour, with its right one, alone."""
    before, word, after = (fold(words[j]) if 0 <= j < len(words) else "" for j in (i - 1, i, i + 1))
    return [(before, word, ""), ("", word, after), ("", word, "")]


def answer_tokens(text: str) -> list[str]:
    """The words of an answer as SQuAD's evaluation compares them: lower-cased, without punctuation
    and articles (Rajpurkar et al. 2016)."""
    words = "".join(c for c in text.lower() if c not in string.punctuation).split()
    return [word for word in words if word not in {"a", "an", "the"}]


def token_f1(first: str, second: str) -> float:
    """The harmonic mean of the shares of each answer's words that the other has, from 0 to 1."""
    left, right = Counter(answer_tokens(first)), Counter(answer_tokens(second))
    if not left or not right:
        return float(left == right)
    return 2 * (left & right).total() / (left.total() + right.total())


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """The length in tokens of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for token in first:
        previous = row
        row = [0]
        for j, other in enumerate(second):
            match = token == other
            row.append(previous[j] + 1 if match else max(previous[j + 1], row[j]))
    return row[-1]


def fold(text: str) -> str:
    """Lower case without accents, as an uncased BERT vocabulary has it."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
