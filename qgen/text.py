"""Text in and out: sentences and tags of a passage, plain text of Penn Treebank lines, and the
spacing and case of generated questions.

nltk tokenises; TextBlob's lexicon tagger, which ships with its data, tags.  Nothing is downloaded.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from nltk.tokenize.treebank import TreebankWordDetokenizer
from textblob.en import tag as pos_tag

_ABBREVIATIONS = (
    "dr mr mrs ms st prof sr jr gen col lt rev hon vs etc e.g i.e u.s u.k no vol inc ltd co"
)
_BRACKETS = {
    "-lrb-": "(",
    "-rrb-": ")",
    "-lsb-": "[",
    "-rsb-": "]",
    "-lcb-": "{",
    "-rcb-": "}",
}
_TOKENIZER = NLTKWordTokenizer()
_DETOKENIZER = TreebankWordDetokenizer()
_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")


def sentence_spans(passage: str) -> list[tuple[int, int]]:
    """Character offsets ``(start, end)`` of the passage's sentences."""
    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    return list(PunktSentenceTokenizer(parameters).span_tokenize(passage))


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
    """Close up the spaces that a word-piece decoder leaves round punctuation.

    Two neighbours that also stand together in the passage are spaced as they are there
    (``24 - 10``: ``24–10``, ``u . s .``: ``U.S.``); others by the usual rules of English.
    """
    spaced: dict[tuple[str, str], bool] = {}
    marks = list(_WORD_OR_MARK.finditer(passage))
    for left, right in pairwise(marks):
        pair = (fold(left.group()), fold(right.group()))
        spaced.setdefault(pair, left.end() < right.start())
    result, quoted = "", False
    tokens = text.split()
    for i, token in enumerate(tokens):
        previous = tokens[i - 1] if i else ""
        if token == '"':
            quoted = not quoted
        if not i:
            gap = False
        elif (previous, token) in spaced:
            gap = spaced[previous, token]
        elif token == '"' or previous == '"':
            gap = quoted if token == '"' else not quoted
        elif previous in {".", ","} and token[0].isdigit() and tokens[i - 2][-1:].isdigit():
            gap = False
        else:
            gap = token not in set(".,?!:;)]}%'’/-–") and previous not in set("([{$£€#'’/-–")
        result += " " * gap + token
    return result


def recase(question: str, passage: str) -> str:
    """Give a lower-cased question the passage's capitals and accents, and a capital at its start.

    A word takes the spelling that the passage uses for it beside the same neighbour, or else
    anywhere, if it is only one.  The first word of a sentence counts only if it is a proper noun.
    """
    spellings: dict[tuple[str, ...], set[str]] = {}
    for sentence in tagged_sentences(passage):
        words, counts = [], []
        for i, (start, end, tag) in enumerate(sentence):
            found = re.findall(r"\w+", passage[start:end])
            words += found
            counts += [i > 0 or tag.startswith("NNP") or not word.istitle() for word in found]
        for i, word in enumerate(words):
            if counts[i]:
                for context in _contexts(words, i):
                    spellings.setdefault(context, set()).add(word)

    matches = list(re.finditer(r"\w+", question))
    asked = [match.group() for match in matches]
    result, position = "", 0
    for i, match in enumerate(matches):
        known = (spellings.get(context, set()) for context in _contexts(asked, i))
        spelling = next((next(iter(s)) for s in known if len(s) == 1), match.group())
        result += question[position : match.start()] + spelling
        position = match.end()
    result += question[position:]

    def initials(match: re.Match) -> str:
        upper = match.group().upper()
        return upper if upper in passage else match.group()

    result = re.sub(r"\b(?:\w\.){2,}", initials, result)
    return result[:1].upper() + result[1:]


def _contexts(words: list[str], i: int) -> list[tuple[str, ...]]:
    """What to look word ``i`` up by: with its left neighbour, with its right one, alone."""
    before, word, after = (fold(words[j]) if 0 <= j < len(words) else "" for j in (i - 1, i, i + 1))
    return [(before, word, ""), ("", word, after), ("", word, "")]


def fold(text: str) -> str:
    """Lower case without accents, as an uncased BERT vocabulary has it."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
