"""Wrong answers: of the right one's kind and form, never right or alike; not their plausibility."""

import re

import pytest
import torch
from conftest import VOCABULARY

from qgen.answers import locate_answer, propose_answers
from qgen.distractors import Neighbours, distractors
from qgen.types import Answer, Question

PASSAGE = (
    "Joseph Strauss and Clifford Paine built the bridge in San Francisco for 35 million dollars. "
    "It opened in 1937, four years after work began, and a toll of 50 cents was asked in 1938."
)


@pytest.fixture(scope="module")
def neighbours(tokenizer):
    torch.manual_seed(0)
    return Neighbours(torch.randn(len(VOCABULARY), 16), tokenizer)


def wrong(text, neighbours, passage=PASSAGE, **kwargs):
    answer = locate_answer(passage, text)
    return distractors(answer, "", propose_answers(passage), neighbours, **kwargs)


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


def test_words_of_the_question_are_no_distractors(neighbours):
    answer = locate_answer(PASSAGE, "Joseph Strauss")
    question = "Who built the bridge with Clifford Paine?"
    others = propose_answers(PASSAGE)
    assert "Clifford Paine" not in distractors(answer, question, others, neighbours)


@pytest.mark.parametrize("text", ["%", "?", "zzz", "the", "-", "''"])
def test_where_nothing_can_be_made_there_are_fewer(neighbours, text):
    found = distractors(Answer(text, 0), "", [], neighbours)
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
