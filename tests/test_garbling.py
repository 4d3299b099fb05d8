"""Questions spoilt for the reader's training."""

import random

import pytest

from qgen.text import INTERROGATIVES
from qgen.training.garbling import garbled, words_of

PASSAGE = (
    "the buyer sued the seller over a stain on the carpet , and the court at kel ##so agreed ."
)
QUESTION = "what did the buyer find on the carpet ?"


def text(words):
    return " ".join(piece for word in words for piece in word)


def test_words_are_whole():
    words = words_of(PASSAGE.split())
    assert ("kel", "##so") in words and text(words) == PASSAGE
    assert words_of(["##so", "on"]) == [("##so",), ("on",)]


@pytest.fixture
def results():
    question, passage = words_of(QUESTION.split()), words_of(PASSAGE.split())
    return [garbled(question, passage, random.Random(seed)) for seed in range(500)]


def test_a_garbled_question_is_another_one_of_known_words(results):
    known = {*words_of(QUESTION.split()), *words_of(PASSAGE.split())}
    known |= {(word,) for word in INTERROGATIVES}
    for found in results:
        assert text(found) != QUESTION and set(found) <= known
        assert found[-1] == ("?",)


@pytest.mark.parametrize(
    "expected",
    [
        "what did the seller find on the carpet ?",  # a word of the passage for one of its own
        "what did the carpet find on the carpet ?",  # one of its own for another
        "what did buyer find on the carpet ?",  # a word left out
        "what did the buyer sued the seller ?",  # the passage runs on
        "where did the buyer find on the carpet ?",  # another question word
    ],
)
def test_the_ways_to_garble(results, expected):
    assert expected in map(text, results)


def test_whole_words_are_put_in(results):
    assert any("kel ##so" in text(found) for found in results)
    assert not any("##so" in text(found).replace("kel ##so", "") for found in results)


def test_a_question_with_nothing_to_change_is_shuffled():
    question = words_of("is it so ?".split())
    found = garbled(question, [], random.Random(0))
    assert sorted(found) == sorted(question)


def test_the_same_draw_gives_the_same(results):
    question, passage = words_of(QUESTION.split()), words_of(PASSAGE.split())
    assert garbled(question, passage, random.Random(3)) == results[3]
