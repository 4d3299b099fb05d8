"""What is not worth asking about, and which questions are not worth showing."""

import time

import pytest

from qgen.asking.checks import (
    answer_problem,
    gives_away,
    invented_names,
    is_degenerate,
    kind_asked_for,
)
from qgen.asking.draft import Draft
from qgen.asking.selection import best_of_document, rank
from qgen.english.prose import layout_problem, passage_problem
from qgen.english.words import near_duplicates
from qgen.records import Answer, Question
from qgen.settings import QuizSettings

ENGLISH = [
    "Marie Curie was born in Warsaw in 1867.",
    "Copper conducts heat better than iron does.",
    "Copper conducts heat better than iron does, so",
    "Lena was born in Oslo, studied in Bergen.",
    "Café Zoë opened in Málaga in 1920.",
    "İzmir and İstanbul lie on the coast. Ankara is the capital of Turkey.",
    "The orchestra moved from Málaga to Córdoba in 1974.",
    "BOIL THE PASTA FOR NINE MINUTES AND DRAIN IT.",
    "hey r u coming 2nite? meet at joes 8pm",
    "The U.S. Army bought 1,200 trucks for $3.4 million in 1942.",
    "Mix 200 g of flour with 2 eggs; bake for 30 minutes at 180 °C. Let it cool.",
    "Schubert's Lied 'Der Erlkönig' sets a poem by Goethe to music.",
    "Server logs showed that user_id 42 had called the endpoint twice (see RFC 2616).",
    "It rained.  The   match was  called off   by the umpire.",
    "The tide turns at noon.",
    "The tower[1][2] was built in 1889.[23] It is tall[a] and old.[citation needed]",
    "He asked (twice) whether A/B tests cost more than $5 * 3; they do not.",
]


@pytest.mark.parametrize("passage", ENGLISH)
def test_english_prose_may_be_asked_about(passage):
    assert passage_problem(passage) is None


@pytest.mark.parametrize(
    ("passage", "problem"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("!!! 123", "no words"),
        ("The sta\x00 opened the of\ue000ce in 1937.", "lost letters"),
        ("Photosynthesis", "no whole sentence"),
        ("Run!", "no whole sentence"),
        ("Hi, Jason.", "no whole sentence"),
        ("La tour a été achevée en 1889 par l'ingénieur Gustave Morel.", "not English"),
        ("Das Museum wurde 1957 von der Architektin Greta Holm entworfen.", "not English"),
        ("El puente fue construido en 1932 por una empresa de Bilbao.", "not English"),
        ("De kat slaapt op de mat en de hond ligt buiten.", "not English"),
        ("O gato está em cima da mesa desde ontem à noite.", "not English"),
        ("Il ponte fu costruito nel 1932 da una ditta di Milano.", "not English"),
        ("长江大桥于1957年建成，全长1670米，位于武汉。", "not English"),
        ("東京は日本の首都です。", "not English"),
        ("Музей был основан в 1898 году в Казани.", "not English"),
        ("افتتح المتحف في عام 1902 في القاهرة.", "not English"),
        ("Kedi masanın üstünde uyuyor ve köpek dışarıda bekliyor.", "not English"),
        ("def area(r):\n    return 3.14 * r ** 2\n\nprint(area(2))", "code"),
        ("for (int i = 0; i < n; i++) { sum += a[i]; }", "code"),
        ('{"name": "Ada", "born": 1815, "tags": ["a", "b"]}', "code"),
        ("SELECT name, age FROM users WHERE age > 30; DROP TABLE x;", "code"),
        ("Name | Age | City\nBob | 20 | Oslo\nAnn | 31 | Rome", "table"),
        ("Name\tAge\tCity\nBob\t20\tOslo\nAnn\t31\tRome", "table"),
        ("year,yield,price\n2001,3.4,20\n2002,3.9,22", "table"),
        ("12 15 18 20 4.5 6.7 total 88 90 91", "numbers"),
    ],
)
def test_what_is_not_english_prose_is_refused_with_a_reason(passage, problem):
    found = passage_problem(passage)
    assert found and problem in found


@pytest.mark.parametrize(
    ("passage", "answer", "problem"),
    [
        ("The tide turns at noon.", "noon", None),
        ("The tide turns at noon.", "The tide turns at noon.", "whole passage"),
        ("The tide turns at noon.", "The tide turns at noon", "whole passage"),
        ("The team reacted with 🎉 at 5 pm.", "🎉", "no words"),
        ("It cost 50 % more then.", "%", "no words"),
        ("It cost 50 % more then.", "50", None),
    ],
)
def test_answers_that_cannot_be_asked_for(passage, answer, problem):
    found = answer_problem(passage, Answer(answer, passage.index(answer)))
    assert (found is None) if problem is None else problem in found


@pytest.mark.parametrize(
    ("question", "answer", "tells"),
    [
        ("What was Marie Curie's name?", "Marie Curie", True),
        ("What was Marie Curie’s name?", "Marie Curie", True),
        ("Where did MARIE CURIE live?", "Marie Curie", True),
        ("What did Curie, Marie do?", "Marie Curie", True),
        ("Where did Beyonce sing?", "Beyoncé", True),
        ("How many dogs were there?", "the dog", True),
        ("Which year was 1,200?", "1,200", True),
        ("Who discovered radium?", "Marie Curie", False),
        ("Who declared the outbreak?", "The WHO", False),
        ("What did Marie do?", "Marie Curie", False),
        ("What is the artist's name?", "art", False),
        ("In what year was it?", "a", False),
        ("How many in 1999?", "99", False),
    ],
)
def test_giving_the_answer_away(question, answer, tells):
    assert gives_away(question, answer) == tells


@pytest.mark.parametrize(
    ("question", "degenerate"),
    [
        ("What what what?", True),
        ("What is the the bridge?", True),
        ("Who?", True),
        ("", True),
        ("What is the name of the name of the name of it?", True),
        ("What tin tin did he buy in Rome?", True),
        ("What is the bridge near the bridge by the bridge?", True),
        ("What did he say that that man had had?", False),
        ("Who won?", True),
        ("Who won it?", False),
        ("What is the name of the university that is the oldest in Italy?", False),
        ("How many of the 1,200 trucks did the U.S. Army buy?", False),
    ],
)
def test_degenerate_text(question, degenerate):
    assert is_degenerate(question) == degenerate


def test_near_duplicates():
    assert near_duplicates("When was the bridge opened?", "When was the bridge opened")
    assert near_duplicates(
        "In what year was the bridge opened?", "What year was the bridge opened?"
    )
    assert not near_duplicates("When was the bridge opened?", "Who opened the bridge in 1937?")
    assert not near_duplicates("Who led the work?", "Where was the bridge built?")


def asked(question, answer, start, score):
    return Question(question, Answer(answer, start), score)


def ranked(questions, passage, quiz):
    """The kept questions, in their order, and why the others went."""
    kept, dropped = rank([Draft(0, passage, q.answer, question=q) for q in questions], quiz)
    return [draft.question for draft in kept], dropped


def test_of_five_questions_one_asks_for_a_clause_where_one_is_trusted():
    def sure(question, at, kind, confidence):
        return Question(question, Answer("abcdefgh"[at], at, kind), -1, confidence)

    questions = [
        sure("Who built the mill?", 0, "name", 0.9),
        sure("Which abbey owned land?", 1, "name", 0.95),
        sure("Why did the river rise?", 2, "reason", 0.8),
        sure("How was corn ground there?", 3, "manner", 0.75),
        sure("Why did monks leave?", 4, "reason", 0.4),
    ]
    two = QuizSettings(max_answers=2, min_confidence=0.7)
    kept, _ = ranked(questions, "abcdefgh", two)
    assert [q.confidence for q in kept] == [0.95, 0.8]
    kept, dropped = ranked(questions[:2] + questions[4:], "abcdefgh", two)
    assert [q.confidence for q in kept] == [0.95, 0.9]
    assert dropped == {"not trusted by the reader": 1}


def test_rank_keeps_the_best_and_says_why_the_others_went():
    questions = [
        asked("When was the bridge opened?", "in 1937", 10, -0.2),
        asked("What year was it opened?", "1937", 13, -0.1),
        asked("Who is Joseph Strauss?", "Joseph", 40, -0.3),
        asked("In what year was it opened?", "Strauss", 50, -0.4),
        asked("Who led the work?", "Joseph Strauss", 40, -0.5),
        asked("What what what?", "work", 70, -0.55),
        asked("What did it cost?", "construction", 80, -0.6),
    ]
    kept, dropped = ranked(questions, "", QuizSettings(max_answers=3))
    assert [q.question for q in kept] == [
        "What year was it opened?", "Who led the work?", "What did it cost?",
    ]  # fmt: skip
    assert dropped == {
        "overlapping a better answer": 1,
        "giving the answer away": 1,
        "repeating another question": 1,
        "looping or too short": 1,
    }
    assert len(ranked(questions, "", QuizSettings(max_answers=1))[0]) == 1


@pytest.mark.parametrize(
    ("question", "kind", "asked"),
    [
        ("Who led it?", "name", "person"), ("By whom was it led?", "phrase", "person"),
        ("What did the man who led it see?", "name", "name"), ("Where is it?", "phrase", "place"),
        ("In which city is it?", "name", "place"), ("Which citizen is it?", "name", "name"),
        ("Who were there?", "number", "number"), ("Name it.", "phrase", "phrase"),
    ],
)  # fmt: skip
def test_kind_asked_for(question, kind, asked):
    assert kind_asked_for(Question(question, Answer("it", 0, kind), -0.1)) == asked


def sure(text, at, confidence):
    return Question(text, Answer("ab", at), -1.0, confidence)


def test_unsure_questions_are_dropped_and_counted():
    questions = [sure("What is it called?", 0, 0.9), sure("Who owns the old mill?", 20, 0.3)]
    kept, dropped = ranked(questions, "", QuizSettings(min_confidence=0.5))
    assert [q.confidence for q in kept] == [0.9]
    assert dropped == {"not trusted by the reader": 1}
    assert len(ranked(questions, "", QuizSettings(min_confidence=0.0))[0]) == 2


@pytest.mark.parametrize(
    ("least", "enough", "too_little"), [(0.7, 0.81, 0.79), (0.0, 0.0, None), (0.4, 0.54, 0.53)]
)
def test_what_is_tried_later_must_be_surer(least, enough, too_little):
    passage = "The mill was built in May by a smith. It burned down in June."

    def kept(confidence):
        draft = Draft(0, passage, spare=True, question=sure("What is it called?", 4, confidence))
        return len(rank([draft], QuizSettings(min_confidence=least))[0])

    assert kept(enough) == 1
    assert too_little is None or kept(too_little) == 0


def test_questions_spread_over_the_sentences():
    passage = "The mill was built in May by a smith. It burned down in June."
    first = [
        sure(f"What {word}?", passage.index(place), 0.9 - i / 100)
        for i, (word, place) in enumerate(
            [("was built here", "mill"), ("month did work end", "May"), ("man made it", "smith")]
        )
    ]
    other = sure("When did fire break out?", passage.index("June"), 0.86)
    kept, _ = ranked([*first, other], passage, QuizSettings(max_answers=2))
    assert kept == [first[0], other], "before a slightly surer one about the same sentence"
    far = sure("When did fire break out?", passage.index("June"), 0.7)
    assert ranked([*first, far], passage, QuizSettings(max_answers=2))[0] == first[:2]


def test_scores_alone_rank_without_a_reader():
    passage = "The mill was built in May by a smith. It burned down in June."
    scored = [
        Question("What was built here?", Answer("mill", 4), -0.10),
        Question("Which month did work end?", Answer("May", 22), -0.11),
        Question("When did fire break out?", Answer("June", 56), -0.12),
    ]
    assert ranked(scored, passage, QuizSettings(max_answers=2))[0] == scored[:2]


def test_questions_of_a_document_spread_over_its_paragraphs():
    bell, again = "Who cast the old bell in the tower?", "Who first cast the old bell in the tower?"
    gate, roof = "Who built the north gate?", "Who tiled the roof?"
    questions = [
        (1, sure(bell, 9, 0.8)), (0, sure(gate, 5, 0.90)), (0, sure(roof, 2, 0.84)),
        (2, sure(again, 0, 0.79)), (3, sure("What did it cost?", 0, 0.5)),
    ]  # fmt: skip
    assert [q.question for _, q in best_of_document(questions, 2)] == [gate, bell]
    assert [q.question for _, q in best_of_document(questions, 3)] == [roof, gate, bell]
    assert len(best_of_document(questions, 9)) == 4, "without the near-duplicate"


@pytest.mark.parametrize(
    ("question", "invented"),
    [
        ("What did victoria describe in 1931?", ["victoria"]),
        ("What had a trial in didvale raised?", ["didvale"]),
        ("What did the weaver describe?", []),
        ("What did Ilse Brandt discover in 1931?", []),
        ("Who described the enzymes?", []),
        ("What percentage of the Café Zoë was described?", []),
        ("Why is Graz's description unusual?", []),
        ("How many litres did the labourers realise were his favourite colour?", []),
        ("Why doesn't its website describe a deity or an ecosystem?", []),
        ("Which websites aren’t described?", []),
        ("What did Seymour, Denise or Sartre describe?", ["seymour", "denise", "sartre"]),
    ],
)
def test_invented_names(question, invented):
    passage = (
        "Ilse Brandt of Graz described an enzyme in 1931; trials raised it. "
        "Weavers met at Café Zoë.  Its web site is shut."
    )
    assert invented_names(passage, question) == invented


@pytest.mark.parametrize("row", ["." * 16_000, "-" * 16_000, ",:" * 8000, "1" * 16_000])
def test_a_long_row_of_marks_takes_linear_time(row):
    begin = time.process_time()
    layout_problem(f"{row}a")
    assert time.process_time() - begin < 0.5


def test_numbers_with_marks_are_counted():
    assert layout_problem("$3.50 -4 (.5) a") == "the passage is mostly numbers"
    assert layout_problem("in 3.5km of 1990s a") is None
