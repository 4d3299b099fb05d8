"""Wrong answers: of the right one's kind and form, never right or alike; not their plausibility."""

import re

import pytest
import torch
from conftest import VOCABULARY

from qgen.asking.distractors import Neighbours, distractors
from qgen.english.locate import locate_answer
from qgen.english.phrases import propose_answers
from qgen.model.checkpoints import load_checkpoint
from qgen.records import Answer, Question

PASSAGE = (
    "Joseph Strauss and Clifford Paine built the bridge in San Francisco for 35 million dollars. "
    "It opened in 1937, four years after work began, and a toll of 50 cents was asked in 1938."
)


@pytest.fixture(scope="module")
def neighbours(tokenizer):
    torch.manual_seed(0)
    return Neighbours(torch.randn(len(VOCABULARY), 16), tokenizer)


@pytest.fixture(scope="module")
def shipped_neighbours():
    model, tokenizer = load_checkpoint()
    return Neighbours(model.get_input_embeddings().weight, tokenizer)


def wrong(text, neighbours, passage=PASSAGE, **kwargs):
    answer = locate_answer(passage, text)
    return distractors(passage, "", answer, propose_answers(passage), neighbours, **kwargs)


def test_names_get_the_passages_other_names(neighbours):
    assert "Clifford Paine" in wrong("Joseph Strauss", neighbours, count=5)
    assert "Joseph Strauss" in wrong("Clifford Paine", neighbours, count=5)


@pytest.mark.parametrize(
    ("answer", "pattern"),
    [
        ("1937", r"(1[89]|20)\d\d"),
        ("35 million dollars", r"\d+ million dollars"),
        ("four years", r"(two|three|five|six|seven) years"),
        ("50 cents", r"\d+ cents"),
        ("3.1 per cent", r"\d\.\d per cent"),
        ("1,200 euros", r"\d(,\d)?\d\d euros"),
        ("July 4, 1776", r"July 4, 1[78]\d\d"),
        ("July 28", r"(May|June|August|September|October|March|April) 28"),
        ("the third day", r"the (first|second|fourth|fifth|sixth) day"),
        ("Monday", r"(Tues|Wednes|Thurs|Fri|Satur|Sun)day"),
        ("98%", r"\d\d%"),
        ("MONDAY", r"[A-Z]+DAY"),
        ("two hours and twenty minutes", r"\w+ hours and twenty minutes"),
        ("4 million dollars a year in all", r"\d+ million dollars a year in all"),
        ("seven", r"(four|five|six|eight|nine|ten)"),
    ],
)
def test_values_keep_unit_and_form(neighbours, answer, pattern):
    found = wrong(answer, neighbours, f"They said it was {answer} at last.")
    assert len(set(found)) == 3
    for text in found:
        assert text != answer
        assert re.fullmatch(pattern, text), text


def test_never_right_never_alike(neighbours):
    found = wrong("1937", neighbours, is_right=lambda text: text == "1938")
    assert "1938" not in found and len(found) == 3
    assert "1938" in wrong("1937", neighbours)
    passage = "The old bridge, the bridge and a bridge stood beside the golden gate."
    assert not {"the bridge", "a bridge"} & set(wrong("The old bridge", neighbours, passage))


STORY = (
    "Rain fell. The captain called for Dr. Hult, the cook and an old sailor. Everybody slept under "
    "the deck, behind the stove or in a hammock."
)


@pytest.mark.parametrize(
    ("answer", "expected", "never"),
    [
        ("The captain", {"The cook", "An old sailor", "Dr. Hult"}, {"The Dr. Hult", "Everybody"}),
        ("the cook", {"the captain", "an old sailor", "Dr. Hult"}, {"The captain", "cook"}),
        ("cook", {"captain", "old sailor", "Dr. Hult"}, {"the captain"}),
        ("Dr. Hult", {"the captain", "the cook", "an old sailor"}, {"Captain", "Cook"}),
        ("under the deck", {"under the stove", "under a hammock"}, {"stove", "the stove"}),
    ],
)
def test_others_take_the_form_of_the_answer(neighbours, answer, expected, never):
    found = set(wrong(answer, neighbours, STORY, count=20))
    assert expected <= found and found.isdisjoint(never)


def test_only_plausible_ones_in_their_order(neighbours):
    def plausible(others):
        return sorted((o for o in others if o.text != "cook"), key=lambda o: -o.start)

    found = wrong("the captain", neighbours, STORY.replace("The captain", "Then the captain"),
                  count=3, plausible=plausible)  # fmt: skip
    assert found[0] == "a hammock" and "the cook" not in found


@pytest.mark.parametrize(
    ("word", "expected"),
    [("violin", {"flute", "guitar"}), ("the museum", {"the library"}), ("zzyzx", set()),
     ("a river", {"a lake", "an ocean"}),
     ("quickly", set()), ("until it stops", set()), ("a dentist", set()), ("a rook", set())],
)  # fmt: skip
def test_words_from_elsewhere_are_of_a_kind(shipped_neighbours, word, expected):
    found = set(distractors(word, "", Answer(word, 0), [], shipped_neighbours, count=12))
    assert expected <= found and bool(found) == bool(expected)
    assert not {"violins", "the museums", "a rivers"} & found


@pytest.mark.parametrize("answer", ["Leeds", "Lower Winterbourne", "Honey bees", "the oldest car"])
def test_no_names_nor_phrases_from_elsewhere(shipped_neighbours, answer):
    assert not distractors(answer, "Where is it?", Answer(answer, 0), [], shipped_neighbours)


def test_articles_suit_their_words(neighbours):
    found = wrong("a tenth game", neighbours, "They played a tenth game.", count=9)
    assert "an eighth game" in found and "a ninth game" in found


def test_words_of_the_question_are_no_distractors(neighbours):
    answer = locate_answer(PASSAGE, "Joseph Strauss")
    question = "Who built the bridge with Clifford Paine?"
    others = propose_answers(PASSAGE)
    assert "Clifford Paine" not in distractors(PASSAGE, question, answer, others, neighbours)


@pytest.mark.parametrize("text", ["%", "?", "zzz", "the", "-", "''"])
def test_where_nothing_can_be_made_there_are_fewer(neighbours, text):
    found = distractors(text, "", Answer(text, 0), [], neighbours)
    assert text not in found and len(found) <= 3


def test_choices_hold_the_answer_once_in_a_steady_order():
    question = Question("When?", Answer("1937", 0), -1.0, distractors=("1938", "1939", "1940"))
    assert sorted(question.choices) == ["1937", "1938", "1939", "1940"]
    assert question.choices == question.choices
    places = {
        Question(f"When {i}?", Answer("1937", 0), -1.0, None, ("1", "2", "3")).choices.index("1937")
        for i in range(40)
    }
    assert places == {0, 1, 2, 3}, "the answer stands anywhere"
    assert Question("When?", Answer("1937", 0), -1.0).choices == []
