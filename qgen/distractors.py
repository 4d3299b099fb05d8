"""Wrong answers for multiple choice: of the answer's own kind, from the passage or near in meaning.

Every source is a plain generator of candidates, tried in order; :func:`distractors` takes the first
ones that are neither right nor too like one another.
"""

from __future__ import annotations

import calendar
import random
import re
from collections.abc import Callable, Iterator, Sequence

import torch
from textblob.en import lexicon
from transformers import PreTrainedTokenizerBase

from qgen.text import answer_tokens, fold, token_f1
from qgen.types import Answer

IsRight = Callable[[str], bool]
"""Whether a candidate would answer the question too, such as by the reader."""

_WORD_NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_SERIES = (
    _WORD_NUMBERS,
    _ORDINALS,
    [name for name in calendar.month_name if name],
    list(calendar.day_name),
)
_ARTICLE = re.compile(r"(?:the|an?)\s+", re.I)
_LINK = re.compile(r"\s(?:of|in|on|at|to|for|from|with|by|and|or)\s")
_NAMES = {r"\bwho": "thomas", r"\bwhere\b|\bcity\b|\btown\b": "london", r"\bcountry\b": "france"}
"""A name like those that a question asks for, where the answer is not in the vocabulary."""

_LIKENESS = 0.2
"""Cosine above which a passage's phrase comes before words from elsewhere."""
_NUMBER = re.compile(rf"\d+(?:,\d{{3}})*(?:\.\d+)?|\b(?:{'|'.join(_WORD_NUMBERS[1:])})\b", re.I)
_YEAR = re.compile(r"(?<![\d,.$£€])(?:1\d\d\d|20\d\d)(?![\d,%]|\.\d)")


class Neighbours:
    """Words near in meaning, by the cosine of a model's word embeddings.

    Args:
        embeddings: ``[vocabulary, hidden]``.
        tokenizer: whose whole words they are of.
    """

    def __init__(self, embeddings: torch.Tensor, tokenizer: PreTrainedTokenizerBase):
        words = tokenizer.convert_ids_to_tokens(list(range(len(embeddings))))
        self._ids = {w: i for i, w in enumerate(words) if w.isalpha() and len(w) > 2}
        self._words = list(self._ids)
        rows = embeddings.detach().float()[list(self._ids.values())]
        self._vectors = torch.nn.functional.normalize(rows - rows.mean(0), dim=-1)
        self._rows = {word: row for row, word in enumerate(self._words)}

    def of(self, word: str, count: int) -> list[str]:
        """The nearest words that are no form of it; none where it is not in the vocabulary."""
        row = self._rows.get(fold(word))
        if row is None:
            return []
        nearest = (
            (self._vectors @ self._vectors[row])
            .topk(min(6 * count, len(self._words)))
            .indices.tolist()
        )
        stem, tag = fold(word)[:4], _tag(word)
        others = [self._words[i] for i in nearest if not self._words[i].startswith(stem)]
        return [other for other in others if _tag(other) in {tag, None}][:count]

    def similarity(self, first: str, second: str) -> float:
        """Cosine of the mean vectors of two phrases' words; 0 where either has none."""
        a, b = self._mean(first), self._mean(second)
        return 0.0 if a is None or b is None else float(torch.cosine_similarity(a, b, dim=0))

    def _mean(self, text: str) -> torch.Tensor | None:
        rows = [self._rows[w] for w in map(fold, re.findall(r"\w+", text)) if w in self._rows]
        return self._vectors[rows].mean(0) if rows else None


def distractors(
    answer: Answer,
    question: str,
    others: Sequence[Answer],
    neighbours: Neighbours,
    count: int = 3,
    is_right: IsRight = lambda text: False,
) -> list[str]:
    """Wrong answers, the most plausible first; fewer than ``count`` where no more can be made.

    Args:
        answer: the right one.
        question: what it answers; no word of it makes a distractor.
        others: the passage's other answers.
        neighbours: where words come from that are not in the passage.
        count: how many.
        is_right: tells of a candidate whether it answers the question as well.
    """
    chosen: list[str] = []
    for text in _candidates(answer, question, others, neighbours):
        if len(chosen) == count:
            break
        alike = any(_alike(text, known) for known in (answer.text, *chosen))
        if not alike and fold(text) not in fold(question) and not is_right(text):
            chosen.append(text)
    return chosen


def _alike(first: str, second: str) -> bool:
    """Whether two answers are equal but for form, or one holds most of the other."""
    a, b = answer_tokens(first), answer_tokens(second)
    if not a or a == b or set(a) <= set(b) or set(b) <= set(a):
        return True
    # Two values of the same unit share most of their words.
    return _shape(first) == "words" == _shape(second) and token_f1(first, second) > 0.7


def _candidates(
    answer: Answer, question: str, others: Sequence[Answer], neighbours: Neighbours
) -> Iterator[str]:
    shape = _shape(answer.text)
    same = [
        _with_article_of(answer.text, other.text)
        for other in others
        if _shape(other.text) == shape and not other.overlaps(answer) and _fits(answer, other)
    ]
    if shape != "words":
        yield from same
        yield from _other_values(answer.text)
        return
    likeness = {text: neighbours.similarity(text, answer.text) for text in same}
    same.sort(key=lambda text: likeness[text], reverse=True)
    yield from _other_in_series(answer.text)
    yield from (text for text in same if likeness[text] > _LIKENESS)
    yield from _other_words(answer.text, neighbours)
    yield from same
    if answer.text[:1].isupper():
        yield from (
            word.capitalize()
            for sign, example in _NAMES.items()
            if re.search(sign, question, re.I)
            for word in neighbours.of(example, 12)
        )


def _shape(text: str) -> str:
    """What must be equal of two answers for one to stand in for the other: their unit, if any."""
    if _YEAR.search(text):
        return "date"
    if not _NUMBER.search(text):
        series = next((s for s in _SERIES if fold(text) in [fold(word) for word in s]), None)
        return f"series {_SERIES.index(series)}" if series else "words"
    return _NUMBER.sub("#", fold(text))


def _fits(answer: Answer, other: Answer) -> bool:
    """Whether two answers in words look alike: both names or both not, in the same number, of like
    length, and a phrase such as "name of a place" only beside another."""
    first, second = (_ARTICLE.sub("", text, count=1) for text in (answer.text, other.text))
    lengths = sorted(len(text.split()) for text in (first, second))
    name = first[:1].isupper()
    return (
        second[:1].isupper() == name
        and (name or first.endswith("s") == second.endswith("s"))
        and bool(_LINK.search(first)) == bool(_LINK.search(second))
        and lengths[1] <= 2 * lengths[0]
    )


def _with_article_of(model: str, text: str) -> str:
    """The text with the article of another one, or without where that has none."""
    article = _ARTICLE.match(model)
    bare = _ARTICLE.sub("", text, count=1) if _ARTICLE.match(text) else text
    return (article[0] if article else "") + bare


def _other_in_series(text: str) -> Iterator[str]:
    """The text with another month, day of the week, ordinal or number word for the one in it."""
    for series in _SERIES:
        match = re.search(rf"\b(?:{'|'.join(series)})\b", text, re.I)
        if not match:
            continue
        at = [fold(word) for word in series].index(fold(match[0]))
        first = 1 if series is _WORD_NUMBERS and match[0] != text else 0  # "one minutes"
        near = sorted(range(first, len(series)), key=lambda i: (abs(i - at), i))[1:6]
        random.Random(fold(text)).shuffle(near)
        for i in near:
            value = _in_case_of(series[i], match[0])
            yield text[: match.start()] + value + text[match.end() :]
        return


def _other_values(text: str) -> Iterator[str]:
    """The same quantity or date with other values, in the same form."""
    draw = random.Random(fold(text))
    if next(_other_in_series(text), None) and not _YEAR.search(text):  # "two minutes", "May 28"
        yield from _other_in_series(text)
        return
    if _YEAR.search(text):
        steps = [-21, -14, -9, -6, -3, 4, 7, 11, 16, 23]
        draw.shuffle(steps)
        for step in steps:
            yield _YEAR.sub(lambda match: str(int(match[0]) + step), text)  # noqa: B023
        return
    factors = [0.4, 0.5, 0.6, 0.75, 1.25, 1.5, 1.8, 2.0, 2.5, 3.0]
    draw.shuffle(factors)
    for factor in factors:
        if value := _scaled(text, factor):
            yield value


def _scaled(text: str, factor: float) -> str | None:
    """The text with its first number multiplied: as many decimals, as round, as many zeros."""
    match = _NUMBER.search(text)
    if not match or not match[0][0].isdigit():
        return None
    plain = match[0].replace(",", "")
    decimals = len(plain.partition(".")[2])
    value = float(plain) * factor
    if not decimals:
        zeros = len(plain) - len(plain.rstrip("0")) if float(plain) else 0
        value = round(value, -min(zeros, max(0, len(str(int(value))) - 1)))
        value = value if int(value) != int(plain) else value + 1
    bounded = re.match(r"\s*(?:%|per ?cent)|-year-old", text[match.end() :])
    if bounded and value > 100 >= float(plain):
        return None
    written = (
        f"{value:,.{decimals}f}" if "," in match[0] or value >= 10_000 else f"{value:.{decimals}f}"
    )
    return text[: match.start()] + written + text[match.end() :]


def _other_words(text: str, neighbours: Neighbours) -> Iterator[str]:
    """The phrase with its words replaced by near ones: all of a name's, the last of another's."""
    words = re.findall(r"\w+", text)
    if not words:
        return
    name = text[:1].isupper()
    known = [word for word in (words if name else words[-1:]) if neighbours.of(word, 1)]
    if not known:
        return
    near = {word: neighbours.of(word, 12) for word in known}
    for i in range(12):
        changed = text
        for word, options in near.items():
            if i < len(options):
                new = _in_case_of(options[i], word)
                changed = re.sub(rf"\b{re.escape(word)}\b", new, changed)
        yield re.sub(r"^(a)n?(?= )", _article_before(changed), changed, flags=re.I)


def _article_before(phrase: str) -> str:
    """``\\1`` or ``\\1n``, as the word after the article of a phrase asks for."""
    return r"\1n" if re.match(r"an? [aeiou]", phrase, re.I) else r"\1"


def _tag(word: str) -> str | None:
    """The part of speech of a word by itself, if the lexicon has it."""
    return lexicon.get(word) or lexicon.get(word.capitalize())


def _in_case_of(text: str, model: str) -> str:
    if model.isupper() and len(model) > 1:
        return text.upper()
    return text[:1].upper() + text[1:] if model[:1].isupper() else text.lower()
