"""Questions that other passages of a corpus answer as well."""

import sys

import pytest

from qgen.asking import retrieval
from qgen.asking.retrieval import Asked, answered_elsewhere, mark_records, nearest
from qgen.errors import QGenError
from qgen.model.reader import Reading
from qgen.records import Answer

pytest.importorskip("bm25s")

PASSAGES = [
    "The Kestrel Bridge in Dorne was opened by Queen Maud in 1897.",
    "Queen Maud came to Dorne in June 1897 and opened the Kestrel Bridge.",
    "Olive oil from the Varo valley is pressed in November by the Sanna family.",
    "The observatory at Harwick was built in 1897 by Petra Holm.",
]
QUEEN = Asked("Who opened the Kestrel Bridge?", "Queen Maud", 0)


class FakeReader:
    """Finds what it is told to find, and remembers what it was asked."""

    def __init__(self, answer: str, probability: float = 0.9):
        self.answer, self.probability = answer, probability
        self.asked: list[tuple[str, str]] = []

    def read(self, items):
        self.asked += [(passage, question) for passage, question, _ in items]
        start = 0  # where it stands does not matter here
        return [Reading(Answer(self.answer, start), self.probability, 0.0) for _ in items]


def test_the_reader_is_asked_about_near_passages_that_have_the_answer():
    reader = FakeReader("Queen Maud")
    assert answered_elsewhere(PASSAGES, [QUEEN], reader.read) == [[1]]
    assert reader.asked == [(PASSAGES[1], QUEEN.text)]


@pytest.mark.parametrize(
    ("answer", "probability", "found"),
    [("Maud", 0.9, [1]), ("the queen Maud", 0.9, [1]), ("June", 0.9, []), ("Queen Maud", 0.1, [])],
)
def test_what_it_finds_must_agree_and_be_probable(answer, probability, found):
    assert answered_elsewhere(PASSAGES, [QUEEN], FakeReader(answer, probability).read) == [found]


@pytest.mark.parametrize(
    "asked",
    [
        Asked("When was the Kestrel Bridge opened?", "1987", 0),  # nowhere else
        Asked("Who presses olive oil?", "the Sanna family", 2),
        Asked("What is it?", "", 0),
        Asked("", "Queen Maud", 0),
        Asked("Xyzzy?", "Queen Maud", 0),
    ],
)
def test_where_nothing_is_near_nothing_is_read(asked):
    reader = FakeReader("x")
    assert answered_elsewhere(PASSAGES, [asked], reader.read) == [[]]
    assert not reader.asked and not answered_elsewhere([], [], reader.read)


def test_no_more_than_the_nearest():
    passages = [PASSAGES[0], *(f"{PASSAGES[1]} It rained {n} days." for n in range(2, 9))]
    [near] = nearest(passages, [QUEEN])
    assert len(near) == retrieval.NEAREST and 0 not in near


def test_records_are_marked_and_one_passage_of_several_rows_is_one(monkeypatch):
    def record(passage, *answers):
        questions = [{"question": "Who opened the Kestrel Bridge?", "answer": a} for a in answers]
        return {"passage": passage, "questions": questions}

    records = [
        record(PASSAGES[0], "Queen Maud"),
        record(PASSAGES[2]),
        record(PASSAGES[0], "Queen Maud"),
        record(PASSAGES[1], "Queen Maud", None),
    ]
    marked = mark_records(iter(records), FakeReader("Queen Maud").read)
    found = [[q.get("answered_elsewhere") for q in r["questions"]] for r in marked]
    assert found == [[[3]], [], [[3]], [[0], None]]


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(QGenError, match=r"pip install -e '\.\[retrieval\]'"):
        nearest(PASSAGES, [QUEEN])
