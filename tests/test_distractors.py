"""Wrong answers: of the right one's kind and form, never right or alike; fewer rather than odd."""

import re

import pytest

from qgen.asking.distractors import candidates, chosen, first_values, is_plural
from qgen.asking.pipeline import QuestionGenerator
from qgen.english.locate import locate_answer
from qgen.english.things import Things, things
from qgen.english.values import first_number
from qgen.records import Answer, Question, Request, beside_one_another

PASSAGE = (
    "Joseph Strauss and Clifford Paine built the bridge in San Francisco for 35 million dollars. "
    "It opened in 1937, four years after work began, and a toll of 50 cents was asked in 1938."
)
STORY = (
    "Rain fell. The captain called for Dr. Hult, the cook and an old sailor. Everybody slept under "
    "the deck, behind the stove or in a hammock."
)
NOTHING_KNOWN = Things([])


def values(text, passage=None, count=3, is_right=lambda text: False):
    passage = passage or f"They said it was {text} at last."
    return first_values(passage, "", locate_answer(passage, text), count, is_right)


def found(text, passage, question="What was it?", beside=(), lexicon=NOTHING_KNOWN):
    answer = locate_answer(passage, text)
    return [one.text for one in candidates(passage, question, answer, beside, lexicon)]


@pytest.mark.parametrize(
    ("answer", "pattern"),
    [
        ("1937", r"(1[89]|20)\d\d"),
        ("35 million dollars", r"\d+ million dollars"),
        ("four years", r"(one|two|three|five|six|seven|eight) years"),
        ("3.1 per cent", r"\d\.\d per cent"),
        ("1,200 euros", r"\d(,\d)?\d\d euros"),
        ("July 4, 1776", r"July 4, 1[78]\d\d"),
        ("Monday", r"(Tues|Wednes|Thurs|Fri|Satur|Sun)day"),
        ("4 million dollars a year in all", r"\d+ million dollars a year in all"),
    ],
)
def test_values_keep_unit_and_form(answer, pattern):
    others = values(answer)
    assert len(set(others)) == 3
    for text in others:
        assert text != answer
        assert re.fullmatch(pattern, text), text


def test_the_passages_own_values_come_first_where_they_are_of_the_form():
    assert "1938" in values("1937", PASSAGE)
    assert "1938" not in values("1937", PASSAGE, is_right=lambda text: text == "1938")
    passage = "It rose between 1815 and 1820. In 1817 it fell."
    assert all(text.startswith("between") for text in values("between 1815 and 1820", passage))


@pytest.mark.parametrize(
    ("answer", "passage", "higher"),
    [
        ("over 90%", "They were over 90% of all.", True),
        ("1950", "It was built after 1950.", True),
        ("5 miles", "It is not less than 5 miles away.", True),
        ("ten hours", "He worked no more than ten hours.", False),
        ("less than 40 dollars", "It cost less than 40 dollars.", False),
        ("thirty people", "Over thirty people came.", True),
        ("12 years", "It is for those who are 12 years or older.", True),
        ("£50,000 or more", "They earned £50,000 or more.", True),
        ("ten hours", "He slept for ten hours or less.", False),
    ],
)
def test_a_value_that_a_bound_implies_is_no_wrong_one(answer, passage, higher):
    number = first_number(answer)
    assert number
    others = [first_number(text) for text in values(answer, passage)]
    assert others and all(other and (other[1] > number[1]) is higher for other in others)


def test_a_count_has_no_decimals_and_agrees_with_what_it_counts():
    passage = "The mongooses have 23 species; they are some 21.8 million years old."
    assert all("." not in text for text in values("23", passage))
    passage = "Each of them sent one chief delegate."
    assert "two chief delegates" in values("one chief delegate", passage)
    assert "2 years old" in values("1 year old")
    assert "two per cent" in values("one per cent")
    # No bound is what stands before "Henry".
    assert min(first_number(text)[1] for text in values("5", "It was named after Henry 5.")) < 5


def test_a_month_keeps_its_capital_and_a_noun_that_begins_a_sentence_does_not():
    passage = "They left in August 1940. In October 1940 they came. March 1941 was colder."
    assert values("October 1940", passage)[:2] == ["August 1940", "March 1941"]
    passage = "Tin ore was dug here. The mine sold copper ore to France."
    assert "tin ore" in found("copper ore", passage)


def test_names_get_other_names_and_nouns_get_nouns():
    passage = "Ida Brandt left Dorne. Later Otto Lemm, a miller, sailed to Ellby with two horses."
    names = found("Ida Brandt", passage, "Who left Dorne?")
    assert "Otto Lemm" in names and not {"miller", "two horses"} & set(names)
    assert "Ellby" not in names, "one word beside two is told by its form"
    assert found("miller", passage) == []


@pytest.mark.parametrize(
    ("answer", "expected", "never"),
    [
        ("The captain", {"The deck", "The stove"}, {"The Dr. Hult", "Everybody"}),
        ("under the deck", {"under the cook"}, {"the cook", "under the stove"}),
    ],
)
def test_others_take_the_form_of_the_answer(answer, expected, never):
    others = set(found(answer, STORY))
    assert expected <= others and others.isdisjoint(never)


def test_things_of_one_list_may_all_be_right():
    passage = "Grain, olives and wine were sold by the sea. Timber came from the north by ship."
    assert not {"olives", "wine"} & set(found("Grain", passage))
    assert not {"Clifford Paine"} & set(found("Joseph Strauss", PASSAGE))


@pytest.mark.parametrize(
    ("passage", "fragment"),
    [
        ("Rosa Lund wrote. The Black Union Veterans Simon and Peter came.", "Veterans Simon"),
        ("Rosa Lund wrote to the Duke of Marland Hall, and to Ann Vey.", "Duke"),
    ],
)
def test_no_part_of_a_longer_name(passage, fragment):
    assert fragment not in found("Rosa Lund", passage)


def test_years_of_one_list_may_all_be_right():
    passage = "Brazil won in 1958, 1962, 1970, 1994 and 2002. Italy won in 1982."
    for answer in ("1958", "1970", "2002"):
        others = values(answer, passage)
        assert "1982" in others
        assert not {"1958", "1962", "1970", "1994", "2002"} & set(others)


def test_what_is_listed_with_the_answer_is_not_taken_from_the_lexicon_either():
    passage = "They sold tin, copper and silver to the town. The iron went to Dorne."
    lexicon = Things(["g\tcopper\tgold\tiron\tsilver\ttin"])
    assert set(found("copper", passage, lexicon=lexicon)) == {"gold", "iron", "town"}


def test_no_article_before_several():
    lexicon = Things(["g\tfew miles\tseveral yards\ttwo inches\thundred feet"])
    passage = "The bay lay a few miles away from there."
    assert found("a few miles", passage, lexicon=lexicon) == ["a hundred feet"]


def test_names_of_other_paragraphs():
    texts = ["Petra Holm built the dome.", "Captain Tom Vey sailed.", "Rosa Lund saved the books."]
    requests = beside_one_another([Request(text) for text in texts])
    assert requests[0].beside == (texts[1], texts[2])
    assert found("Petra Holm", texts[0], "Who built it?", requests[0].beside) == ["Rosa Lund"]


LEXICON = Things(["t\tIsaac Newton\tAlbert Einstein\tMarie Curie\tGalileo Galilei",
                  "w\tviolin=fiddle\tcello\tviola", "t\tGene Flow\tNatural Selection\tMutation",
                  "w\tribosome\tchloroplast\tvacuole"])  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Albert Einstein", {"Isaac Newton", "Marie Curie", "Galileo Galilei"}),
        ("Einstein", {"Newton", "Curie", "Galilei"}),
        ("the violin", {"the cello", "the viola"}),
        ("natural selection", {"gene flow", "mutation"}),
        ("chloroplasts", {"ribosomes", "vacuoles"}),
        ("Leeds", set()),
    ],
)
def test_things_of_the_lexicon_take_the_form_of_the_answer(answer, expected):
    passage = f"At last it was {answer}."
    assert set(found(answer, passage, lexicon=LEXICON)) == expected


def test_the_lexicon_that_ships_knows_what_goes_together():
    lexicon = things()
    assert {"John Adams", "George Washington"} <= set(lexicon.like("Thomas Jefferson"))
    assert {"Birmingham", "Liverpool"} & set(lexicon.like("Leeds"))
    assert lexicon.like("zzyzx") == {}


def test_never_right_never_alike():
    ordered = ["bridge", "a bridge", "the tower", "towers", "colonial days", "the port"]
    assert chosen("", "the old bridge", ordered[:4], 3) == ["the tower"]
    assert chosen("", "colonial times", ["colonial days", "modern times"], 3, lexicon=LEXICON) == [
        "modern times"
    ]
    assert chosen("", "the violin", ["the fiddle", "the cello"], 3, lexicon=LEXICON) == [
        "the cello"
    ]
    names = ["US", "France"]
    assert chosen("", "United States", names, 3, lexicon=LEXICON) == ["France"]
    assert chosen("", "violins", ["fiddles", "cellos"], 3, lexicon=LEXICON) == ["cellos"]
    assert chosen("What is at the port?", "a ship", ["the port", "a crane"], 3) == ["a crane"]
    assert chosen("", "a ship", ["a crane", "a tram"], 3, lambda text: text == "a crane") == [
        "a tram"
    ]


@pytest.mark.parametrize(
    ("phrase", "plural"),
    [("mitochondria", True), ("the cell", False), ("gas", False), ("lists of names", True),
     ("salt and iron", True), ("glass", False)],
)  # fmt: skip
def test_number(phrase, plural):
    assert is_plural(phrase) == plural


def test_fewer_than_asked_for_are_announced(generator: QuestionGenerator):
    passage = "The zzyzx was opened by nobody at all in the spring of that year."
    [result] = generator.generate(
        [Request(passage, (Answer("zzyzx", passage.index("zzyzx")),))], quiz=_quiz(4)
    )
    assert result.questions
    for question in result.questions:
        assert question.note == "3 of 4 choices not found"
        assert question.to_dict()["note"] and "choices" not in question.to_dict()


def _quiz(choices):
    from qgen.settings import QuizSettings

    return QuizSettings(choices=choices)


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


def test_a_line_that_ends_within_an_answer_is_a_space():
    lexicon = Things(["t\tcarbon dioxide\tcarbon monoxide", "t\tnitrogen dioxide\tsalt"])
    expected = {"carbon monoxide", "nitrogen dioxide"}
    assert (
        set(lexicon.like("carbon\ndioxide")) == set(lexicon.like("carbon\xa0dioxide")) == expected
    )
    assert lexicon.synonyms("carbon\ndioxide") == {"carbon dioxide"}
    passage = "They kept the\nold ship. At last a red\ncrane took the new\xa0tram away."
    assert {"a red crane", "the new tram"} == set(found("the\nold ship", passage))
    assert all("\n" not in text for text in values("12\nmillion dollars"))


def test_a_capital_only_where_the_answer_begins_or_beside_a_name():
    passage = "A hospital was visited by an NBA player in winter. The town thanked Ann Vey."
    assert {"hospital", "winter"} <= set(found("NBA player", passage))
    lexicon = Things(["w\tBritish sailor\tsoldier"])
    assert found("British sailor", "She met a British sailor.", lexicon=lexicon) == ["soldier"]
    passage = "NBA players came to the hospitals of Leeds."
    assert "Hospitals" in found("NBA players", passage)
    assert "Hospitals" in found("NBA players", f'"{passage}"')
