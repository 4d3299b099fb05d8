"""Wrong answers for multiple choice: of the answer's own kind, from the passage or near in meaning.

Every source is a plain generator of candidates, tried in order; :func:`distractors` takes the first
ones that are neither right nor too like one another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import torch

from qgen.english.dictionary import usual_tag
from qgen.english.values import is_near, near_values, shape
from qgen.english.words import answer_tokens, fold, token_f1
from qgen.model.tokenizer import AnyTokenizer
from qgen.records import Answer

IsRight = Callable[[str], bool]
"""Whether a candidate would answer the question too, such as by the reader."""
Plausible = Callable[[list[Answer]], list[Answer]]
"""Those of a passage's other answers that could be thought right, the likeliest first."""

_DETERMINER = r"(?:the|an?|my|your|his|her|its|our|their)\s+"
_LEAD = re.compile(
    r"(?P<preposition>(?:in|on|at|to|for|from|with|by|into|onto|under|over|behind|after|before|"
    rf"beside|near|through|towards?|between|among)\s+)?(?P<determiner>{_DETERMINER})?",
    re.I,
)
_OWN_DETERMINER = re.compile(rf"(?<!\w){_DETERMINER}$", re.I)
_LINK = re.compile(r"\s(?:of|in|on|at|to|for|from|with|by|and|or)\s")
_NOTHING = frozenset(
    "everybody everyone nobody somebody anybody everything nothing something anything others "
    "meantime".split()
)
"""What the tagger takes for things."""

_NEIGHBOURS = 30
"""Neighbours looked at of a word."""
_NEAR, _SAME, _RARE = 0.2, 0.5, 0.5
"""Cosines: of neighbours at least, and at most, since nearer ones mean the same; and of the middle
neighbour of a word that was hardly trained, and so is near to all others of that kind."""


class Neighbours:
    """Words near in meaning, by the cosine of a model's word embeddings.

    Args:
        embeddings: ``[vocabulary, hidden]``.
        tokenizer: whose whole words they are of.
    """

    def __init__(self, embeddings: torch.Tensor, tokenizer: AnyTokenizer):
        words = tokenizer.convert_ids_to_tokens(list(range(len(embeddings))))
        self._ids = {w: i for i, w in enumerate(words) if w.isalpha() and len(w) > 2}
        self._words = list(self._ids)
        rows = embeddings.detach().float()[list(self._ids.values())]
        self._vectors = torch.nn.functional.normalize(rows - rows.mean(0), dim=-1)
        self._rows = {word: row for row, word in enumerate(self._words)}

    def of(self, word: str, count: int) -> list[str]:
        """Words of the same part of speech near it and near its other neighbours, so that they are
        things of a kind; none where it is not in the vocabulary, or too rare for its place there to
        mean anything."""
        row = self._rows.get(fold(word))
        if row is None:
            return []
        near = (self._vectors @ self._vectors[row]).topk(min(_NEIGHBOURS + 1, len(self._words)))
        likeness, rows = near.values[1:], near.indices[1:]
        if likeness[len(likeness) // 2] > _RARE:
            return []
        centre = self._vectors[rows].mean(0)
        order = (self._vectors[rows] @ centre).argsort(descending=True)
        stem, tag = fold(word)[:4], _tag(word)
        others = [
            self._words[rows[i]]
            for i in order.tolist()
            if _NEAR <= likeness[i] <= _SAME and not self._words[rows[i]].startswith(stem)
        ]
        return [other for other in others if tag and _tag(other) == tag][:count]


def distractors(
    passage: str,
    question: str,
    answer: Answer,
    others: Sequence[Answer],
    neighbours: Neighbours,
    count: int = 3,
    is_right: IsRight = lambda text: False,
    plausible: Plausible = list,
) -> list[str]:
    """Wrong answers, the most plausible first; fewer than ``count`` where no more can be made.

    Args:
        passage: where the answers stand.
        question: what is asked; no word of it makes a distractor.
        answer: the right one.
        others: the passage's other answers.
        neighbours: where words come from that are not in the passage.
        count: how many.
        is_right: tells of a candidate whether it answers the question as well.
        plausible: chooses and orders others in words; quantities and dates need none.
    """
    chosen: list[str] = []
    for text in _candidates(passage, question, answer, others, neighbours, plausible):
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
    return not shape(first) and not shape(second) and token_f1(first, second) > 0.7


def _candidates(
    passage: str,
    question: str,
    answer: Answer,
    others: Sequence[Answer],
    neighbours: Neighbours,
    plausible: Plausible,
) -> Iterator[str]:
    form = shape(answer.text)
    same = [
        other
        for other in others
        if shape(other.text) == form
        and not other.overlaps(answer)
        and fold(other.text) not in _NOTHING
    ]
    if form:
        near = (other for other in same if is_near(other.text, answer.text))
        yield from (_in_form_of(answer.text, passage, other) for other in near)
        yield from near_values(answer.text)
        return
    like = [other for other in same if _fits(answer, other)]
    yield from (_in_form_of(answer.text, passage, other) for other in plausible(like))
    yield from _other_words(answer.text, neighbours)


def _fits(answer: Answer, other: Answer) -> bool:
    """Whether two answers in words look alike: of like length, and a phrase such as "name of a
    place" only beside another."""
    first, second = _bare(answer.text), _bare(other.text)
    lengths = sorted(len(text.split()) for text in (first, second))
    return bool(_LINK.search(first)) == bool(_LINK.search(second)) and lengths[1] <= 2 * lengths[0]


def _in_form_of(model: str, passage: str, other: Answer) -> str:
    """Another answer of the passage with preposition, article and capital as the model has them."""
    lead, own = _LEAD.match(model), _LEAD.match(other.text)
    assert lead and own  # both may be empty
    text = other.text[own.end() :]
    if usual_tag(text.lower()) in {"NN", "NNS"}:
        text = text.lower()  # it may have begun a sentence
    beside_name = _is_name(model) and not text[:1].isupper()
    if lead["determiner"] or beside_name:
        before = _OWN_DETERMINER.search(passage[: other.start])
        determiner = own["determiner"] or (before[0] if before else "")
        text = determiner.lower() + text
    text = (lead["preposition"] or "").lower() + text
    return text[:1].upper() + text[1:] if model[:1].isupper() and not beside_name else text


def _bare(text: str) -> str:
    """Without preposition and article at its beginning."""
    return _LEAD.sub("", text, count=1)


def _is_name(text: str) -> bool:
    """Whether a text begins with a capital that is not only the article's or the sentence's, as in
    "Honey bees"."""
    return text[:1].isupper() and _bare(text) == text and text.split()[-1][:1].isupper()


def _other_words(text: str, neighbours: Neighbours) -> Iterator[str]:
    """A common noun of one word with another for it; none for names, whose neighbours are of any
    kind, nor for phrases, whose words must go together."""
    words = re.findall(r"\w+", _bare(text))
    if len(words) != 1 or _is_name(text):
        return
    if not (_tag(words[0]) or "").startswith(("NN", "JJ")):
        return
    last = re.compile(rf"\b{re.escape(words[-1])}\b")
    for near in neighbours.of(words[-1], 12):
        yield with_article(last.sub(_in_case_of(near, words[-1]), text))


def with_article(phrase: str) -> str:
    """The phrase with "a" or "an", if it begins with either, as its next word asks for."""
    vowel = re.match(r"an? (?:[aeiou](?!ni)|hour|heir|honest)", phrase, re.I)
    return re.sub(r"^(a)n?(?= )", r"\1n" if vowel else r"\1", phrase, flags=re.I)


def _tag(word: str) -> str | None:
    """The part of speech of a word by itself, if the lexicon has it."""
    return usual_tag(word) or usual_tag(word.capitalize())


def _in_case_of(text: str, model: str) -> str:
    if model.isupper() and len(model) > 1:
        return text.upper()
    return text[:1].upper() + text[1:] if model[:1].isupper() else text.lower()
