"""Questions spoilt as a small generator spoils them, for the reader to know such questions by."""

from __future__ import annotations

import random
from collections.abc import Sequence

from qgen.text import INTERROGATIVES

Word = tuple[str, ...]
"""The word pieces of a word."""


def words_of(tokens: Sequence[str]) -> list[Word]:
    """Word pieces grouped into words: those that begin with ``##`` go on with the word before."""
    words: list[Word] = []
    for token in tokens:
        if token.startswith("##") and words:
            words[-1] = (*words[-1], token)
        else:
            words.append((token,))
    return words


def garbled(question: Sequence[Word], passage: Sequence[Word], draw: random.Random) -> list[Word]:
    """A question that no longer asks for its answer, or is no question any more.

    By chance a name or another word of it is exchanged for one of the passage, or for another of
    its own; words are left out; the passage's words run on where the question has one of them; or
    it asks with another question word.  Where none of these is possible its words are shuffled.
    Sometimes it is still a fair question.

    Args:
        question: its words, of which the last is kept, unless they are shuffled.
        passage: the words of the passage, without the answer.
        draw: makes the choices.
    """
    changes = [_exchange, _repeat, _leave_out, _run_on, _ask_otherwise]
    for change in draw.sample(changes, len(changes)):
        changed = change(list(question), passage, draw)
        if changed is not None and changed != list(question):
            return changed
    return draw.sample(question, len(question))


def _carries_meaning(word: Word) -> bool:
    text = "".join(word)
    return (len(text) > 3 or text.isdigit()) and text not in INTERROGATIVES


def _places(question: list[Word], passage: Sequence[Word]) -> list[int]:
    """Where a question has a word of its passage that carries meaning."""
    there = set(passage)
    return [i for i, w in enumerate(question[:-1]) if w in there and _carries_meaning(w)]


def _exchange(question: list[Word], passage: Sequence[Word], draw: random.Random):
    places = _places(question, passage)
    others = [i for i, w in enumerate(passage) if _carries_meaning(w) and w not in question]
    if not places or not others:
        return None
    i, other, count = draw.choice(places), draw.choice(others), draw.choice((1, 1, 2))
    return [*question[:i], *passage[other : other + count], *question[i + 1 :]]


def _repeat(question: list[Word], passage: Sequence[Word], draw: random.Random):
    places = [i for i, word in enumerate(question[:-1]) if _carries_meaning(word)]
    if len(places) < 2:
        return None
    i, j = draw.sample(places, 2)
    question[i] = question[j]
    return question


def _leave_out(question: list[Word], passage: Sequence[Word], draw: random.Random):
    count = draw.choice((1, 2, 3))
    if len(question) < count + 4:
        return None
    i = draw.randrange(len(question) - count)
    return question[:i] + question[i + count :]


def _run_on(question: list[Word], passage: Sequence[Word], draw: random.Random):
    places = _places(question, passage)
    if not places:
        return None
    i = draw.choice(places)
    after = draw.choice([j for j, word in enumerate(passage) if word == question[i]]) + 1
    count = draw.randint(1, 5)
    rest = question[i + 1 :] if draw.random() < 0.5 else question[-1:]
    return [*question[: i + 1], *passage[after : after + count], *rest]


def _ask_otherwise(question: list[Word], passage: Sequence[Word], draw: random.Random):
    places = [i for i, word in enumerate(question) if "".join(word) in INTERROGATIVES]
    if not places:
        return None
    i = draw.choice(places)
    question[i] = (draw.choice([w for w in INTERROGATIVES if w != "".join(question[i])]),)
    return question
