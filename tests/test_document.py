"""Documents and long passages: every paragraph is asked about, and the best are kept."""

import pytest
from conftest import PASSAGE

from qgen.asking.document import ask_document, quiz_of_each
from qgen.english.paragraphs import MAX_WORDS, is_long, paragraph_spans
from qgen.records import Answer, Question, Request, Result
from qgen.settings import GenerationSettings, QuizSettings

SENTENCE = "The keeper of the lamp wrote down number {} in her book that night."


def text_of(words, start=0, joint=" "):
    return joint.join(SENTENCE.format(n) for n in range(start, start + words // 13 + 1))


@pytest.mark.parametrize("words", [230, 450, 2000])
@pytest.mark.parametrize("joint", [" ", "\n", "\n\n"])
def test_a_long_text_is_divided_between_sentences(words, joint):
    text = text_of(words, joint=joint)
    spans = paragraph_spans(text)
    parts = [text[begin:end] for begin, end in spans]
    assert " ".join(parts).split() == text.split(), "nothing is lost"
    assert all(part.endswith("night.") and part.startswith("The") for part in parts)
    sizes = [len(part.split()) for part in parts]
    assert max(sizes) <= MAX_WORDS and min(sizes) >= 40


def test_short_texts_and_monsters():
    assert paragraph_spans(PASSAGE) == [(0, len(PASSAGE))] and not is_long(PASSAGE)
    endless = "word " * 1000
    spans = paragraph_spans(endless)
    assert all(end - begin <= 5 * MAX_WORDS for begin, end in spans)
    assert " ".join(endless[a:b] for a, b in spans).split() == endless.split()
    assert paragraph_spans("") == [(0, 0)]


def test_a_blank_line_is_where_a_text_is_divided():
    text = text_of(150) + "\n\nA Heading\n\n" + text_of(150, start=50)
    first, second = (text[begin:end] for begin, end in paragraph_spans(text))
    assert first.endswith("night.") and second.startswith("A Heading")


def fake_generate(calls, fails=()):
    def generate(requests, settings, quiz):
        calls.append((len(requests), quiz.max_answers))
        return [
            Result(problems=("the passage is a table, not prose",))
            if r.passage in fails
            else Result(
                tuple(
                    Question(
                        f"What of {r.passage} and {n}?", Answer(r.passage, 0), -1.0, 0.9 - n / 9
                    )
                    for n in range(quiz.max_answers)
                )
            )
            for r in requests
        ]

    return generate


def test_a_document_is_asked_about_in_steps():
    calls, told = [], []
    paragraphs = [Request(f"p{n}") for n in range(20)]
    results = ask_document(
        fake_generate(calls, fails=["p3"]),
        paragraphs,
        GenerationSettings(),
        QuizSettings(max_answers=4),
        told.append,
    )
    assert calls == [(8, 1), (8, 1), (4, 1)] and told == [8, 16, 20]
    assert len(results) == 20 and sum(len(result.questions) for result in results) == 4
    assert results[3].problems


def test_given_answers_are_all_asked_for():
    given = Request("p1", (Answer("p1", 0),))
    results = ask_document(
        fake_generate([]), [Request("p0"), given], GenerationSettings(), QuizSettings(max_answers=2)
    )
    assert [len(result.questions) for result in results] == [2, 2]


def test_few_proposals_are_tried_where_there_are_many_paragraphs():
    quiz, paragraph = QuizSettings(max_answers=5, tries=8), Request("p0")
    assert quiz_of_each(quiz, [paragraph]) == quiz
    each = quiz_of_each(quiz, [paragraph] * 90)
    assert (each.tries, each.max_answers) == (2, 1)
    assert quiz_of_each(quiz, [paragraph] * 2).tries == 8


@pytest.mark.parametrize(("count", "paragraphs", "share"), [(10, 1, 10), (10, 4, 4), (3, 9, 1)])
def test_each_paragraph_is_asked_for_more_than_its_share(count, paragraphs, share):
    quiz = QuizSettings(max_answers=count)
    assert quiz_of_each(quiz, [Request("p0")] * paragraphs).max_answers == share


NAMES = "Alice Bruno Clara David Emma Frank Greta Henry Irene Jacob Karla Louis".split()


def long_passage():
    return " ".join(
        f"{name} opened the golden gate bridge in San Francisco in {1900 + n}."
        for n, name in enumerate(NAMES * 4)
    )


def test_a_long_passage_is_a_document(generator, unchecked):
    passage = long_passage()
    assert is_long(passage)
    [result] = generator.generate([passage], quiz=QuizSettings(max_answers=5, choices=3))
    assert len(result.questions) == 5 and not result.problems
    for question in result.questions:
        assert passage.startswith(question.answer.text, question.answer.start)
        assert passage[question.answer.start :].startswith(question.answer.text)
    assert [q.score for q in result.questions] == sorted(
        (q.score for q in result.questions), reverse=True
    )
    spans = paragraph_spans(passage)
    places = {
        next(i for i, (a, b) in enumerate(spans) if a <= q.answer.start < b)
        for q in result.questions
    }
    assert len(places) > 1, "spread over the paragraphs"
    assert any(q.choices for q in result.questions)


def test_short_and_long_and_given_in_one_call(generator, unchecked):
    passage = long_passage()
    at = passage.index("1944")
    long, given, short, bad = generator.generate(
        [passage, Request(passage, (Answer("1944", at),)), PASSAGE, "!!! " * 300],
        quiz=QuizSettings(max_answers=2),
    )
    assert len(long.questions) == len(short.questions) == 2
    assert [q.answer for q in given.questions] == [Answer("1944", at)]
    assert not bad.questions and bad.problems == ("the passage has no words",)
