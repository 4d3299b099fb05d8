"""Clauses that are proposed as answers, whole and with their kinds."""

import time

import pytest

from qgen.english.clauses import propose_clauses
from qgen.english.phrases import propose_answers


@pytest.mark.parametrize(
    ("passage", "kind", "text"),
    [
        ("The dam was built because the river flooded.", "reason", "the river flooded"),
        ("Because the ice was thin, the skaters left.", "reason", "the ice was thin"),
        ("Since the port froze in winter, ships waited.", "reason", "the port froze in winter"),
        ("She hurried, for it was late.", "reason", "it was late"),
        ("The school was closed due to heavy snow.", "reason", "heavy snow"),
        ("Trade fell as a result of the long war, but rose.", "reason", "the long war"),
        ("They lined it in order to keep water out.", "purpose", "to keep water out"),
        ("The mill was built to grind corn.", "purpose", "to grind corn"),
        ("To keep bread fresh, bakers wrap it in cloth.", "purpose", "To keep bread fresh"),
        ("She woke so that he could sleep.", "purpose", "so that he could sleep"),
        ("Farmers save water by covering the soil.", "manner", "by covering the soil"),
        ("It gets there through an undersea cable.", "manner", "through an undersea cable"),
        ("If the temperature falls, the pump stops.", "condition", "If the temperature falls"),
        ("You pay unless you cancel in time.", "condition", "unless you cancel in time"),
        ("Although the bridge was old, it held.", "contrast", "the bridge was old"),
        ("Despite the heavy rain, the match went on.", "contrast", "the heavy rain"),
        ("The rope was so old that it broke at once.", "outcome", "it broke at once"),
        ("It dried up. As a result, the village moved.", "outcome", "the village moved"),
        ("The road was blocked, so the doctor came by boat.", "outcome", "the doctor came by boat"),
    ],
)  # fmt: skip
def test_clauses_are_whole_and_have_kinds(passage, kind, text):
    assert [(a.kind, a.text) for a in propose_clauses(passage)] == [(kind, text)]
    assert (kind, text) in [(a.kind, a.text) for a in propose_answers(passage)]


@pytest.mark.parametrize(
    "passage",
    [
        "He wanted to leave the room at noon.",
        "She has the right to vote in the town.",
        "The shop is due to open in May this year.",
        "He asked if the train was late.",
        "It looked as if the roof had burned down.",
        "The museum has been closed since 1999.",
        "It was hard for strangers to cross the river.",
        "They went to school by bus.",
        "The firm made a commitment to reducing its waste.",
        "The game of Go, as it is widely known, was played there.",
        "The house was cold, as his mother said, and they left.",
        "The town was big, as the map shows.",
        "He stayed in Rome, for the next five years that he had, and wrote.",
        "He asked his father if the train was late.",
        "It is not known if the king was ill.",
        "Because.",
        "",
    ],
)
def test_what_only_looks_like_a_clause_is_left(passage):
    assert propose_clauses(passage) == []


def test_a_clause_ends_where_another_begins():
    passage = "The dam was built because the river flooded every spring, and the town paid for it."
    assert [a.text for a in propose_clauses(passage)] == ["the river flooded every spring"]
    passage = 'It was left (because the roof leaked badly) in "May".'
    assert [a.text for a in propose_clauses(passage)] == ["the roof leaked badly"]


def test_where_it_may_end_at_either_place_both_are_proposed():
    passage = "They used sandbags to protect the old library, the school and the mill."
    assert [a.text for a in propose_clauses(passage)] == [
        "to protect the old library",
        "to protect the old library, the school and the mill",
    ]


def test_places_are_those_of_the_passage():
    passage = "It rained.\n\nThe match was stopped because the field was wet. They left."
    [clause] = propose_clauses(passage)
    assert passage[clause.start : clause.end] == clause.text == "the field was wet"


def test_a_sentence_without_an_end_takes_linear_time():
    propose_clauses("He left because it rained.")  # reads the dictionary
    begin = time.process_time()
    propose_clauses("if he ran " * 3200)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("words", [30, 31])
def test_a_clause_has_thirty_words_at_most(words):
    clause = " ".join(["it", "rained", *["hard"] * (words - 2)])
    found = propose_clauses(f"They left because {clause}.")
    assert [answer.text for answer in found] == [clause] * (words == 30)
