"""Types of question: which a question is, and what is made of the sentence of its answer."""

import time
from dataclasses import replace

import pytest

from qgen.asking import types
from qgen.asking.draft import Draft
from qgen.asking.fitness import Blank, fitness
from qgen.asking.generator import NBest
from qgen.asking.statements import (
    Statement,
    misfit,
    statement,
    statement_problem,
    written_statement,
)
from qgen.asking.types import opening_type, spread, statements_of
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.model.reader import Reading
from qgen.records import BLANK, Answer, Question, Request
from qgen.settings import STATEMENT, GenerationSettings, QuizSettings

BOUND = "given as a bound"


def of(passage, text, kind="name"):
    return statement(passage, replace(locate_answer(passage, text), kind=kind))


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Why did the war end?", "why"),
        ("How did the seeds travel?", "how"),
        ("How many seeds travelled?", "wh"),
        ("How old is the bridge?", "wh"),
        ("Who built it?", "wh"),
        ("In which year did it open?", "wh"),
        ("For what reason did he leave?", "why"),
    ],
)
def test_the_opening_tells_the_type(question, kind):
    assert opening_type(question) == kind


@pytest.mark.parametrize(
    ("passage", "answer", "cloze"),
    [
        ("Rain fell. Joseph Strauss built the long bridge in San Francisco.", "San Francisco",
         "Joseph Strauss built the long bridge in _____."),
        ("However, the old bridge was closed to all traffic in 1937.", "1937",
         "The old bridge was closed to all traffic in _____."),
        ("The bridge was opened by Anna Lind.[3] It is red.", "Anna Lind",
         "The bridge was opened by _____."),
        ("The steel bridge was opened by Anna Lind [3] in the spring.", "Anna Lind",
         "The steel bridge was opened by _____ in the spring."),
        ("Joseph claim[s] that[a] [a] steel bridge was opened by Anna Lind[b] then.", "Anna Lind",
         "Joseph claim[s] that [a] steel bridge was opened by _____ then."),
        ("But in 1937 the bridge was opened to all traffic.", "1937",
         "In _____ the bridge was opened to all traffic."),
        ("So the old bridge was closed to all traffic in 1937.", "1937",
         "The old bridge was closed to all traffic in _____."),
        ("So ships had to sail round all the islands in 1937.", "1937",
         "Ships had to sail round all the islands in _____."),
        ("So far, the probe has sent many pictures to Boston.", "Boston",
         "So far, the probe has sent many pictures to _____."),
        ("So great was the damage that the bridge closed in 1937.", "1937",
         "So great was the damage that the bridge closed in _____."),
        ("So many ships sank that the port was closed in 1937.", "1937",
         "So many ships sank that the port was closed in _____."),
        ("Yet another probe was sent to the moon in 1937.", "1937",
         "Yet another probe was sent to the moon in _____."),
        ("Recall that the old bridge was closed to all traffic in 1937.", "1937",
         "The old bridge was closed to all traffic in _____."),
        ("Many ships, however, sailed round all the islands in 1937.", "1937",
         "Many ships sailed round all the islands in _____."),
        ("Anna Lind was, however, the first to see the islands in 1937.", "1937",
         "Anna Lind was the first to see the islands in _____."),
        ("In the years that followed, however, the port of Dorne lost its ships to Boston.",
         "Boston", "In the years that followed, the port of Dorne lost its ships to _____."),
        ("Three ports, however, especially Dorne, were left to ruin in 1937.", "1937",
         "Three ports, especially Dorne, were left to ruin in _____."),
        ("In the spring, of course, many ships sailed round Africa.", "Africa",
         "In the spring, many ships sailed round _____."),
        ("But eBay sold the old bridge of the town in 1937.", "1937",
         "eBay sold the old bridge of the town in _____."),
    ],
)  # fmt: skip
def test_a_sentence_with_its_answer_blanked(passage, answer, cloze):
    found = of(passage, answer)
    assert isinstance(found, Statement) and found.cloze == cloze


@pytest.mark.parametrize(
    ("passage", "answer", "why"),
    [
        ("Strauss left. He built the long bridge in San Francisco.", "San Francisco", "refers"),
        ("In the spring, it opened to all the traffic of Boston.", "Boston", "refers"),
        ("The bridge that these men built stands in San Francisco.", "San Francisco", "refers"),
        ("Of the two, the former was opened to traffic in 1937.", "1937", "refers"),
        ("Others were built by the city of Boston after the war.", "Boston", "refers"),
        ("The city of Boston built the bridge that Boston had to pay for.", "Boston", "twice"),
        ("Joseph Strauss built the long bridge in San Francisco.", "Joseph", "part of a name"),
        ("Boston built it.", "Boston", "long or short"),
        ("The World Health Organization (WHO) is in the town of Geneva.",
         "World Health Organization", "initials"),
        ('He said: "The bridge in Boston is the longest. It is red."', "Boston", ""),
        ("Who was it that built the long bridge in Boston?", "Boston", "whole"),
        ("Both types of the long bridge were built by Joseph Strauss.", "Joseph Strauss", "refers"),
        ("The country was divided into six regions after the last war.", "six regions", "refers"),
        ("As the diagram shows, the firms pay all their taxes to Boston.", "Boston", "refers"),
        ("Anna Lind and Otto Lemm built the long bridge in San Francisco.", "Otto Lemm", "list"),
        ("The bridge was built by Anna Lind (1880–1943), Otto Lemm (1886–1941), and Jan Weber "
         "(1887–1967) of Boston.", "Otto Lemm", "list"),
        ("The old mine sold its tin, copper and salt to the town of Dorne.", "tin", "list"),
        ("The ray bends less when the object is small in front of it.", "when the object is small",
         "clause"),
    ],
)  # fmt: skip
def test_no_sentence_that_does_not_stand_by_itself(passage, answer, why):
    found = of(passage, answer)
    assert isinstance(found, str) and why in found


def test_a_clause_is_not_blanked():
    passage = "The bridge was closed in spring because the steel had rusted."
    assert "clause" in of(passage, "because the steel had rusted", "reason")


def test_wrong_answers_in_a_statement_agree_with_it():
    found = of("The sailor kept an old parrot in a cabin of the ship.", "old parrot")
    assert found.holding("monkey") == "The sailor kept a monkey in a cabin of the ship."
    found = of("The cook kept a parrot in a cabin of the ship.", "The cook")
    assert found.holding("the sailor").startswith("The sailor kept")
    assert found.holding("eBay").startswith("eBay kept")
    assert found.holding("anti-American men").startswith("Anti-American men kept")
    found = of("The hepatitis A infection was found in a school of the town.", "infection")
    assert "hepatitis A outbreak was" in found.holding("outbreak")
    found = of("A parrot was kept by the cook in a cabin of the ship.", "parrot")
    assert found.holding("old monkey").startswith("An old monkey was")
    assert Statement('He sang "A ', "song", '".').holding("aria") == 'He sang "An aria".'
    found = of("The plants turned all the\nthick carbon\ndioxide into wood.", "carbon\ndioxide")
    assert (
        found.holding(found.answer) == "The plants turned all the thick carbon dioxide into wood."
    )


@pytest.mark.parametrize(
    "text",
    [
        "The bridge was not opened to the traffic before 1937.",
        "The war lasted from 1812 to 1937 in all the north.",
        "The long war of 1812–1937 was fought in all the north.",
        "The tunnel wasn't opened to the traffic before 1937.",
    ],
)
def test_no_statement_that_denies_or_cuts_a_range(text):
    found = of(text, "1937", "date")
    assert isinstance(found, str) or statement_problem(found)


PASSAGE = (
    "Joseph Strauss built the long bridge in San Francisco. The steel for the towers came from "
    "Pennsylvania. The old ferry was closed to all traffic in 1938. The toll of the first year was "
    "50 cents for every car."
)


def drafts():
    found = [
        ("Strauss built what where?", "San Francisco"),
        ("Where did it come from?", "Pennsylvania"),
        ("When was it closed?", "1938"),
        ("What was the toll?", "50 cents"),
    ]
    return [
        Draft(0, PASSAGE, a, question=Question(q, a, -0.1, 0.9))
        for q, a in ((q, locate_answer(PASSAGE, text)) for q, text in found)
    ]


@pytest.fixture(autouse=True)
def any_fitness(request, monkeypatch):
    """How fit a statement is does not matter, but where a test says so."""
    if "shipped_fitness" not in request.fixturenames:
        monkeypatch.setattr(types, "FIT", 0.0)


@pytest.fixture
def shipped_fitness():
    """The limits that ship."""


def test_true_and_false_take_turns():
    done, dropped = spread(drafts(), ["true-false"], 4, lambda *_: ["Boston"])
    made = [draft.question for draft in done]
    assert len(made) == 4 and not dropped
    assert sorted(q.is_true for q in made) == [False, False, True, True]
    for q in made:
        record = q.to_dict()
        assert record["type"] == "true-false" and record["answer"] == str(q.is_true)
        assert ("Boston" in q.question) != q.is_true
        assert record.get("correction", "") == ("" if q.is_true else q.answer.text)
    again, _ = spread(drafts(), ["true-false"], 4, lambda *_: ["Boston"])
    assert [draft.question for draft in again] == made


def test_without_a_wrong_answer_nothing_is_stated():
    done, dropped = spread(drafts(), ["true-false"], 4, lambda *_: [])
    assert not done and dropped == {"without a wrong answer to state": 4}


def test_types_are_equal_in_number():
    done, _ = spread(drafts(), ["wh", "cloze"], 4, lambda *_: [])
    types = [draft.question.type for draft in done]
    assert types.count("cloze") == types.count("wh") == 2
    assert all((BLANK in d.question.question) == (d.question.type == "cloze") for d in done)


def test_the_pipeline_makes_the_types_wanted(generator, monkeypatch):
    def n_best(inputs, settings):
        return [NBest([Question(f"What is at {a.start} here?", a, -0.1)]) for _, a in inputs]

    monkeypatch.setattr(generator.generator, "n_best", n_best)
    quiz = QuizSettings(types=("cloze",), max_answers=2)
    [result] = generator.generate([Request(PASSAGE)], quiz=quiz)
    assert [q.type for q in result.questions] == ["cloze", "cloze"]
    answer = Answer("1938", PASSAGE.index("1938"))
    [result] = generator.generate([Request(PASSAGE, (answer,))], quiz=quiz)
    assert result.questions[0].question == "The old ferry was closed to all traffic in _____."
    [result] = generator.generate([Request(PASSAGE)], quiz=QuizSettings(types=("why",)))
    assert not result.questions


SHELL = "Anna Lind went to Oslo in 1924. There she sold a blue shell to a museum for 30 crowns."


@pytest.mark.parametrize(
    ("text", "answer", "cloze"),
    [
        ("In 1924 Anna Lind sold a blue shell to a museum in Oslo.", "a blue shell",
         "In 1924 Anna Lind sold _____ to a museum in Oslo."),
        ("A blue shell was sold to a museum in Oslo by Anna Lind.", "a blue shell",
         "_____ was sold to a museum in Oslo by Anna Lind."),
        ("Anna Lind sold a museum in Oslo a shell for 30 crowns.", "30 crowns",
         "Anna Lind sold a museum in Oslo a shell for _____."),
    ],
)  # fmt: skip
def test_a_statement_that_was_written(text, answer, cloze):
    found = written_statement(SHELL, locate_answer(SHELL, answer), text)
    assert isinstance(found, Statement) and found.cloze == cloze
    assert found.holding(found.answer) == text


@pytest.mark.parametrize(
    ("text", "answer", "why"),
    [
        (
            "In 1924 Anna Lind sold a shell to a museum in Oslo.",
            "a blue shell",
            "without its answer",
        ),
        ("In 1924 in Oslo Anna Lind sold a shell in 1924.", "1924", "twice"),
        ("There she sold a blue shell to a museum for money.", "a blue shell", "refers to another"),
        ("In 1924 Anna Lind sold a blue shell to Fridtjof Nansen.", "1924", "naming what"),
        ("Did Anna Lind sell a blue shell in Oslo in 1924?", "1924", "no whole sentence"),
        ("It was sold.", "sold", "too long or short"),
        ("In 1942 Anna Lind sold a blue shell to a museum in Oslo.", "a blue shell", "naming what"),
        ("Anna Lind went to Oslo. Anna Lind sold a blue shell there.", "a blue shell", "no whole"),
        ("A blue shell of Anna Lind in a museum in Oslo.", "A blue shell", "no whole sentence"),
        ("In 1924 Anna Lind sold a museum, a ferry and a blue shell.", "a blue shell", "list"),
        ("Anna Lind sold a blue shell to a museum for 1,924 crowns.", "1924", "without its answer"),
        ("Anna Lind sold a post-1924 shell to a museum in Oslo.", "1924", "without its answer"),
        ("In Oslo Anna Lind sold a blue shell to a museum.", "Oslo in 1924. There", "one sentence"),
    ],
)
def test_what_was_written_and_is_no_statement(text, answer, why):
    found = written_statement(SHELL, locate_answer(SHELL, answer), text)
    assert isinstance(found, str) and why in found


def test_the_fitter_of_two_statements_is_taken(monkeypatch):
    span = locate_answer(SHELL, "a blue shell")
    draft = Draft(0, SHELL, span, question=Question("What did she sell?", span, -0.1, 0.9))
    done, dropped = spread([draft], ["cloze"], 1, lambda *_: [])
    assert not done and dropped == {"in a sentence that refers to another": 1}
    draft.written = ["It was a blue shell.", "In 1924 Anna Lind sold a blue shell in Oslo."]
    done, dropped = spread([draft], ["cloze"], 1, lambda *_: [])
    assert done[0].question.question == "In 1924 Anna Lind sold _____ in Oslo."


def test_the_next_statement_is_taken_where_the_fittest_will_not_do(monkeypatch):
    passage = "Anna Lind sold a blue shell to a museum in Oslo. The museum paid 30 crowns in 1924."
    span = locate_answer(passage, "Oslo")
    draft = Draft(0, passage, span, question=Question("Where?", span, -0.1, 0.9))
    draft.written = ["Anna Lind never sold a blue shell to anybody outside a museum in Oslo."]
    monkeypatch.setattr(types, "fitness", lambda *given: 0.8 + 0.1 * given[2].is_written)
    [done], _ = spread([draft], ["cloze"], 1, lambda *_: [])
    assert done.question.question.startswith("Anna Lind never")
    [done], _ = spread([draft], ["true-false"], 1, lambda *_: ["Bergen"])
    assert "never" not in done.question.question


def test_no_two_statements_of_one_sentence():
    passage = "Anna Lind sold a blue shell to a museum in Oslo in 1924."
    held = [
        Draft(0, passage, span, question=Question("Where?", span, -0.1, 0.9))
        for span in (locate_answer(passage, text) for text in ("a blue shell", "1924"))
    ]
    held[1].written = ["In 1924 Anna Lind sold a blue shell to a museum in Oslo."]
    done, dropped = spread(held, ["cloze"], 2, lambda *_: [])
    assert len(done) == 1 and dropped == {"in a sentence that is used already": 1}


@pytest.mark.parametrize(
    ("text", "other", "false"),
    [
        ("In Oslo Anna Lind sold a blue shell to a museum.", "A red shell",
         "In Oslo Anna Lind sold a red shell to a museum."),
        ("A blue shell was sold to a museum by Anna Lind.", "a red shell",
         "A red shell was sold to a museum by Anna Lind."),
    ],
)  # fmt: skip
def test_capitals_are_those_of_the_statement_and_not_of_the_passage(text, other, false):
    passage = "A blue shell of Anna Lind was sold to a museum in Oslo."
    found = written_statement(passage, locate_answer(passage, "A blue shell"), text)
    assert found.holding(found.answer) == text and found.holding(other) == false


def test_no_questions_are_asked_under_the_controls_of_other_texts(generator, monkeypatch):
    monkeypatch.setattr(generator.generator.model.config, "controls", {STATEMENT: 3})
    with pytest.raises(QGenError, match="no questions are asked under the control 'statement'"):
        generator.generate([Request(PASSAGE)], GenerationSettings(controls=(STATEMENT,)))
    with pytest.raises(QGenError, match="it knows none"):  # that one may ask by
        generator.generate([Request(PASSAGE)], GenerationSettings(controls=("x",)))


def test_the_generator_is_asked_to_state(generator, monkeypatch):
    seen = []

    def n_best(inputs, settings):
        seen.append(settings.controls)
        wanted = STATEMENT in settings.controls
        text = "All traffic to the ferry was stopped in {}." if wanted else "What is {} here?"
        return [NBest([Question(text.format(a.text), a, -0.1)]) for _, a in inputs]

    monkeypatch.setattr(generator.generator, "n_best", n_best)
    passage = PASSAGE.replace("The old ferry", "Then it")
    request = Request(passage, (Answer("1938", passage.index("1938")),))
    quiz = QuizSettings(types=("cloze",))
    assert not generator.generate([request], quiz=quiz)[0].questions
    monkeypatch.setattr(generator.generator.model.config, "controls", {STATEMENT: 3})
    [result] = generator.generate([request], quiz=quiz)
    assert [q.question for q in result.questions] == [
        "All traffic to the ferry was stopped in _____."
    ]
    assert seen == [(), (), (STATEMENT,)]


def test_unknown_types_are_refused():
    with pytest.raises(QGenError, match="types must be"):
        QuizSettings(types=("essay",))


@pytest.mark.parametrize(
    ("sentence", "answer", "other", "expected"),
    [
        ("Fish have two pairs of fins.", "two", "three", False),
        ("Five brown rabbits lived there.", "Five", "One", True),
        ("It was signed in the Middle Ages.", "Middle Ages", "the Renaissance", True),
        ("They left the United States early.", "United States", "Australia", True),
        ("They left the United States early.", "United States", "United Nations", False),
        ("They left the United States early.", "United States", "Netherlands", False),
        ("She was born in 1854 in Oxford.", "1854", "1855", True),
        ("She was born in 1854 in Oxford.", "1854", "1849", False),
        ("Marie became a Christian in Rome.", "Christian", "a Buddhist", True),
        ("It took him eighteen years to build.", "eighteen years", "nineteen years", True),
        ("It took him eighteen years to build.", "eighteen years", "twelve years", False),
        ("Some 80,000 tons were sold.", "80,000 tons", "120,000 tons", False),
        ("It was built in the 19th century.", "19th century", "17th century", False),
        ("They flew in Apollo 11 to the moon.", "Apollo 11", "Apollo 13", False),
        ("Over 25 men lived there.", "25 men", "27 men", True),
        ("The town has 352,381 people in all.", "352,381", "250,112", True),
        ("He was born in the Netherlands in 1853.", "Netherlands", "Austria", True),
        ("He was born in the Netherlands in 1853.", "Netherlands", "Philippines", False),
        ("He was born in Germany in 1879.", "Germany", "United States", True),
        ("About a third of the people voted.", "a third", "nine tenths", False),
        ("The lake is at -15 °C in May.", "-15", "-45", False),
    ],
)
def test_what_cannot_stand_in_a_statement(sentence, answer, other, expected):
    before, after = sentence.split(answer)
    assert misfit(Statement(before, answer, after), other) is expected


def as_usual(span):
    """What the models make of a blank that they understand."""
    return Blank(-0.3, Reading(span, 0.8, 0.05, 0.8, rarity=8.0))


def with_blanks(drafts):
    for draft in drafts:
        for found in statements_of(draft):
            draft.blanks[found.cloze] = as_usual(draft.answer)


def test_a_sentence_that_needs_the_one_before_is_less_fit(shipped_fitness):
    alone = "Marie Curie discovered polonium and radium in a Paris laboratory in 1898."
    passage = f"An old king had a daughter. {alone} The girl then gave the king a golden ring."

    def sure(answer):
        span = locate_answer(passage, answer)
        found, question = statement(passage, span), Question("What?", span, -0.1, 0.9)
        return fitness(passage, question, found, as_usual(span))

    assert sure("Paris") > types.FIT > sure("a golden ring")
    two = [
        Draft(0, passage, span, question=Question("What was it?", span, -0.1, 0.9))
        for span in (locate_answer(passage, "a golden ring"), locate_answer(passage, "Paris"))
    ]
    with_blanks(two)
    done, dropped = spread(two, ["cloze"], 2, lambda *_: [])
    assert [draft.question.answer.text for draft in done] == ["Paris"]
    assert done[0].question.confidence == sure("Paris")
    assert dropped == {"not sure to be understood by itself": 1}
    # For a given answer there is one, however unsure.
    given = [replace(draft, given=True) for draft in two]
    done, dropped = spread(given, ["cloze"], None, lambda *_: [], least=1.0)
    assert [draft.question.answer.text for draft in done] == ["a golden ring", "Paris"]


def test_the_fittest_sentence_comes_first_and_a_false_one_is_less_sure(shipped_fitness):
    passage = (
        "Marie Curie discovered polonium in a Paris laboratory in 1898. Henri Becquerel, a French "
        "physicist, discovered radioactivity in Paris with uranium salts during the year 1896."
    )
    found = [
        Draft(0, passage, span, question=Question("When was it found?", span, -0.1, sure))
        for span, sure in (
            (locate_answer(passage, "1898"), 0.75),
            (locate_answer(passage, "1896"), 0.9),
        )
    ]
    with_blanks(found)
    done, _ = spread(found, ["cloze"], 2, lambda *_: [])
    assert [draft.question.answer.text for draft in done] == ["1896", "1898"]
    stated, _ = spread(found, ["true-false"], 2, lambda *_: ["1905"])
    sure = {draft.question.is_true: draft.question.confidence for draft in stated}
    assert sure[False] < types.OF_FALSE < types.FIT < sure[True]
    assert not any(
        q.question.is_true is False
        for q in spread(found, ["true-false"], 2, lambda *_: ["1905"], least=0.5)[0]
    )


def test_a_long_list_costs_no_time():
    listed = "beef, pork, venison, rabbit, lamb, poultry, sausages, seafood, barley, and pepper"
    passage = f"A stew may include {listed}. While water can be used for stews, stock is common."
    begin = time.process_time()
    of(passage, "water")
    assert time.process_time() - begin < 1  # a pattern that could part words anyhow took hours


def test_a_long_row_of_capitals_costs_no_time():
    passage = f"The old bridge of {'A' * 16_000}, was closed to all traffic by Anna in 1937."
    begin = time.process_time()
    of(passage, "Anna")
    assert time.process_time() - begin < 1


def test_no_blank_that_another_filling_suits():
    done, dropped = spread(drafts(), ["cloze"], 4, lambda *_: [], lambda draft, text: True)
    assert not done and dropped == {"with another right filling": 4}


def test_a_sentence_is_used_once():
    passage = "Joseph Strauss built the long bridge in San Francisco after the war of the north."
    found = [("Who built it?", "Joseph Strauss"), ("Where is the bridge?", "San Francisco")]
    two = [
        Draft(0, passage, a, question=Question(q, a, -0.1, 0.9))
        for q, a in ((q, locate_answer(passage, text)) for q, text in found)
    ]
    done, dropped = spread(two, ["cloze"], 4, lambda *_: [])
    assert len(done) == 1 and dropped == {"in a sentence that is used already": 1}


def test_a_value_in_two_units_is_not_stated():
    found = of("The land spans an area of 207,600 square kilometres (80,200 sq mi).", "207,600")
    assert statement_problem(found) == "given in another unit as well"


@pytest.mark.parametrize(
    ("sentence", "answer", "problem"),
    [
        ("Silk had reached the harbours of Egypt by the 15th century.", "15th century", BOUND),
        ("The library of the town holds more than 4,000 old books.", "4,000", BOUND),
        ("The library of the town holds more than 4,000 old books.", "more than 4,000", BOUND),
        ("The bridge over the river cost at least $35 million to build.", "$35 million", BOUND),
        ("The bridge over the river cost at least $35 million to build.", "35 million", BOUND),
        ("Most children learn to swim in the school by age five.", "five", BOUND),
        ("Most children learn to swim in the school by the age of 5.", "5", BOUND),
        ("Pupils of the school must learn at least two languages.", "two languages", BOUND),
        ("The fund is for all people who earn £50,000 or more.", "£50,000", BOUND),
        ("The tours of the castle are for children aged 12 and over.", "12", BOUND),
        ("The tours are for children who are 12 years or older.", "12 years", BOUND),
        ("Letters reach all the towns of the island within 3 days.", "3 days", BOUND),
        ("The hotel asks all of its guests for a minimum of 4 nights.", "4 nights", BOUND),
        ("The garden has been open to the public since about 1793.", "1793", BOUND),
        ("The old trams of the town ran until late 1960.", "late 1960", BOUND),
        ("More than half of all the old trams were sold to the town.", "half", BOUND),
        ("The old lake is deeper than 1,600 metres in many places.", "1,600 metres", BOUND),
        ("The bridge was opened in 1937 and later sold to the town.", "1937", None),
        ("The old play was written by two authors together.", "two authors", None),
        ("The price of bread in the town rose by 20 percent in a year.", "20 percent", None),
        ("The long play for the stage was written by 12 authors together.", "12 authors", None),
        ("The bridge over the wide river opened to traffic in 1937.", "1937", None),
    ],
)
def test_no_statement_is_made_of_a_bound(sentence, answer, problem):
    found = statement(sentence, locate_answer(sentence, answer))
    assert isinstance(found, Statement)
    assert statement_problem(found) == problem
