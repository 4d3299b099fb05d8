"""Where answers stand, and which are proposed."""

import time
import unicodedata

import pytest
from conftest import PASSAGE

from qgen.english.locate import locate_answer
from qgen.english.phrases import propose_answers
from qgen.english.quantities import kind_by_form
from qgen.english.words import same_answer
from qgen.errors import QGenError
from qgen.records import Answer

MIXED = (
    "On February 7, 2016, the AFC champion Denver Broncos beat Carolina 24–10. Beyoncé sang. "
    "The game cost $5.25 million in the U.S. Paris was not there. Dr. Smith was."
)


@pytest.mark.parametrize(
    ("passage", "answer", "found"),
    [
        (PASSAGE, "san francisco", "San Francisco"),
        (PASSAGE, " 1937\n", "1937"),
        ("Sailors called it the “Captain’s Folly”.", "Captain's Folly", "Captain’s Folly"),
        ("Sailors called it the 'Folly'.", "‘Folly’", "'Folly'"),
        ("Port\nWilliam froze.", "Port William", "Port\nWilliam"),
        ("Port \t William froze.", "port william", "Port \t William"),
        ("It is 1\u00a0200 metres long.", "1 200 metres", "1\u00a0200 metres"),
        ("It is 1\u202f200 metres long.", "1 200 metres", "1\u202f200 metres"),
        ("From Málaga to Córdoba.", "Cordoba", "Córdoba"),
        ("From Malaga to Cordoba.", "Córdoba", "Cordoba"),
        (unicodedata.normalize("NFD", "To Córdoba."), "Córdoba", "Co\u0301rdoba"),
        ("To Córdoba.", unicodedata.normalize("NFD", "Córdoba"), "Córdoba"),
        (unicodedata.normalize("NFD", "At Café."), "cafe", "Cafe\u0301"),
        ("At Green\u200bPoint.", "GreenPoint", "Green\u200bPoint"),
        ("At GreenPoint.", "Green\u200bPoint", "GreenPoint"),
        ("We landed in Reno, Nevada.", '"Reno"', "Reno"),
        ("We landed in Reno, Nevada.", "Reno.", "Reno"),
        ("It lasted 1914—1918.", "1914-1918", "1914—1918"),
        ("It lasted 1914-1918.", "1914–1918", "1914-1918"),
        ("Die Straße ist lang.", "strasse", "Straße"),
        ("İzmir and İstanbul. Ankara is the capital.", "ankara", "Ankara"),
        ("İzmir and İstanbul.", "istanbul", "İstanbul"),
        ("It is the ﬁrst one.", "first", "ﬁrst"),
    ],
)
def test_an_answer_in_another_form_is_the_passages_own_text(passage, answer, found):
    located = locate_answer(passage, answer)
    assert located == Answer(found, passage.index(found))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1937", "date"),
        ("7 February 2016", "date"),
        ("about 300 people", "number"),
        ("$5.25 million", "number"),
        ("US$3 billion", "number"),
        ("24–10", "number"),
        ("between 5 and 10 years", "number"),
        ("1200 seats", "number"),
        ("1500 km", "number"),
        ("COVID-19", "name"),
        ("B52", "name"),
        ("mid-1980s", "date"),
        ("the 1920s", "date"),
        ("December 25", "date"),
        ("31st December 1999", "date"),
        ("July 4th, 1776", "date"),
        ("Dec. 7, 1941", "date"),
        ("1914–1918", "date"),
        ("early 2001", "date"),
        ("15 March 44 BC", "date"),
        ("AD 79", "date"),
        ("the 12th", "number"),
        ("Covid-19 vaccines", "phrase"),
        ("the 50 states", "number"),
        ("3 million B52 parts", "number"),
    ],
)
def test_what_only_holds_a_digit_is_no_number(text, kind):
    assert kind_by_form(text) == kind


@pytest.mark.parametrize(
    ("passage", "answer", "start"),
    [
        ("Martha started late. She studied art.", "art", 33),
        ("It has 1200 seats, 12 rooms.", "12", 19),
        ("It has 1,200 seats, 200 rooms.", "200", 20),
        ("It cost 3.4 million for 3 boats.", "3", 24),
        ("The capital. Its cap ended.", "cap", 17),
        ("A sub-cap and a cap.", "cap", 16),
        ("It can't. A can.", "can", 12),
        ("It was IT.", "IT", 7),
        ("it was It.", "It", 7),
        ("He ran 30km.", "30", 7),  # no whole word: a part of one is better than nothing
        ("Oslo, then Oslo.", "Oslo", 0),
    ],
)
def test_whole_words_and_like_spelling_come_first(passage, answer, start):
    assert locate_answer(passage, answer).start == start


@pytest.mark.parametrize(
    ("passage", "answer", "start", "found"),
    [
        ("Oslo, then Oslo.", "Oslo", 11, 11),
        ("Oslo, then oslo.", "Oslo", 11, 11),
        ("In Warsaw.", " Warsaw", 2, 3),
        ("In Warsaw.", "Warsaw ", 3, 3),
        ("In “Warsaw”.", "Warsaw", 3, 4),
        ("She started.", "art", 6, 6),
    ],
)
def test_an_offset_says_which(passage, answer, start, found):
    assert locate_answer(passage, answer, start).start == found


@pytest.mark.parametrize(
    ("passage", "answer", "start", "message"),
    [
        ("", "x", None, "passage is empty"),
        (" \n", "x", None, "passage is empty"),
        (PASSAGE, " ", None, "answer is empty"),
        (PASSAGE, "London", None, "'London' is not in the passage"),
        (PASSAGE, "1937", 0, "character 0; it stands at 50"),
        (PASSAGE, "1937", -5, "character -5"),
        (PASSAGE, "1937", 10_000, "character 10000"),
        (PASSAGE, "London", 3, "character 3$"),
        (PASSAGE, "x" * 500, None, "x…' is not in"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(passage, answer, start, message):
    with pytest.raises(QGenError, match=message) as caught:
        locate_answer(passage, answer, start)
    assert "\n" not in str(caught.value)


def test_proposals_have_the_right_kinds_and_offsets():
    answers = propose_answers(MIXED)
    kinds = {answer.text: answer.kind for answer in answers}
    assert kinds["February 7, 2016"] == "date"
    assert kinds["$5.25 million"] == "number"
    assert kinds["Denver Broncos"] == "name"
    assert kinds["AFC champion Denver Broncos"] == "phrase"
    assert "7" not in kinds, "the day of a date is no answer of its own"
    for answer in answers:
        assert MIXED.startswith(answer.text, answer.start)
    assert len(kinds) == len(answers)


def test_a_decade_is_a_date():
    kinds = {a.text: a.kind for a in propose_answers("It grew in the 1920s and the 1930s.")}
    assert kinds == {"1920s": "date", "1930s": "date", "1920s and the 1930s": "phrase"}


@pytest.mark.parametrize(
    ("passage", "text"),
    [
        ("It grew in the late 19th century.", "late 19th century"),
        ("It grew in the mid-1950s.", "mid-1950s"),
        ("It grew in 1450 as well.", "1450"),
    ],
)
def test_a_century_is_a_date_and_so_is_a_year_before_a_word_in_s(passage, text):
    assert {a.text: a.kind for a in propose_answers(passage)} == {text: "date"}


@pytest.mark.parametrize(
    ("passage", "text", "kind"),
    [
        ("The car weighs 1500 kg.", "1500 kg", "number"),
        ("He led 1500 men.", "1500 men", "number"),
        ("In 1918 women got the vote.", "1918", "date"),
    ],
)
def test_a_quantity_of_four_digits_is_no_year(passage, text, kind):
    assert (text, kind) in {(a.text, a.kind) for a in propose_answers(passage)}


def test_an_entity_that_is_all_of_a_noun_chunk_is_an_entity():
    kinds = {a.text: a.kind for a in propose_answers("Marie Curie was born in 1867.")}
    assert kinds == {"Marie Curie": "name", "1867": "date"}


@pytest.mark.parametrize(
    ("passage", "whole", "parts"),
    [
        ("Inflation rose by nine per cent.", "nine per cent", ["cent", "per cent"]),
        ("We met at 9 AM there.", "9 AM", ["9", "AM"]),
        ("Leave it by 6.30 a.m. on Monday.", "6.30 a.m.", ["6.30"]),
        ("Leave it by 6.30 a.m.; we come later.", "6.30 a.m.", ["6.30"]),
        ("It shuts at 9 p.m.", "9 p.m.", ["9", "9 p.m"]),
        ("It took two hours and five minutes.", "two hours and five minutes", ["five minutes"]),
        ("It took 1 hour 20 minutes.", "1 hour 20 minutes", ["1 hour", "20 minutes"]),
        ("She is 5 feet 4 inches tall.", "5 feet 4 inches", ["5 feet", "4 inches"]),
        ("It took 2 hours, 3 days later 5.", "3 days", ["2 hours, 3 days"]),
        ("Wait 5 days, 10 days or 20 days.", "10 days", ["5 days, 10 days"]),
        ("The loss was -$45m then.", "-$45m", ["$45m", "45m"]),
        ("It fell by 12 % in all.", "12 %", ["12"]),
        ("It is 120 metres high.", "120 metres", ["metres"]),
        ("It cost 41 million dollars.", "41 million dollars", ["million dollars"]),
        ("They met on 4 March 1998.", "4 March 1998", ["4", "1998", "March"]),
        ("It opened in May 1920.", "May 1920", ["May", "1920"]),
        ("The bridge cost £3.5 million.", "£3.5 million", ["bridge cost £3.5", "million"]),
        ("It paid €40 or ¥500 then.", "¥500", ["500", "40"]),
        ("It was −40 °C there.", "−40 °C", ["−40", "40"]),
        ("It rose by +3%.", "+3%", ["+3", "3"]),
        ("It is 10–15 metres wide.", "10–15 metres", ["10", "15", "15 metres"]),
        ("The war of 1939–45 ended.", "1939–45", ["1939", "45"]),
        ("They flew Apollo 11 there.", "Apollo 11", ["Apollo", "11"]),
        ("Windows 8 was late.", "Windows 8", ["Windows", "8"]),
        ("It broke Article 5 of the law.", "Article 5", ["Article", "5", "5 of the law"]),
        ("He met Elizabeth I of England.", "Elizabeth I of England", ["Elizabeth"]),
        ("He met Pope Pius IX.", "Pope Pius IX", ["Pope Pius", "IX"]),
        ("It ended the Thirty Years' War.", "Thirty Years' War", ["Thirty", "Years' War"]),
        ("They sold the Xbox One.", "Xbox One", ["Xbox"]),
        ("It fell near Rome 20 miles off.", "20 miles", ["Rome 20"]),
        ("She left Paris 5 June 1940.", "5 June 1940", ["Paris 5"]),
        ("From Paris I can go.", "Paris", ["Paris I"]),
        ("It cost USD 500 then.", "500", ["USD 500"]),
        ("Then Charles de Gaulle left.", "Charles de Gaulle", ["Charles", "Gaulle"]),
        ("Ana de la Cruz left.", "Ana de la Cruz", ["Ana", "Cruz"]),
        ("He met Osama bin Laden.", "Osama bin Laden", ["Osama", "Laden"]),
        ("She left AT&T then.", "AT&T", ["T", "AT"]),
        ("She left Lund & Son then.", "Lund & Son", ["Lund", "Son"]),
        ("It fell in 1450 BC.", "1450 BC", ["1450", "BC"]),
        ("He died on 15 March 44 BC.", "15 March 44 BC", ["15 March 44", "BC"]),
        ("It fell in AD 79.", "AD 79", ["AD", "79"]),
        ("It fell in the 19th century.", "19th century", ["19th", "century"]),
        ("It began in the 5th century BC.", "5th century BC", ["5th", "5th century", "BC"]),
        (
            "It grew in the late 4th and early 5th centuries.",
            "late 4th and early 5th centuries",
            ["4th", "early 5th centuries"],
        ),
        ("He met the 33rd Division.", "33rd Division", ["33rd"]),
        ("It fell on the 4th of May and on July 4th, 1776.", "July 4th, 1776", ["July", "1776"]),
        ("In March 1960 was the next one.", "March 1960", ["March", "1960"]),
        ("It was built c. 1415.", "c. 1415", []),
        ("It fell around 50 AD.", "around 50 AD", ["around 50"]),
        ("It ended in early May 1920.", "early May 1920", []),
        ("It fell in 44 B.C.", "44 B.C.", ["44", "B.C"]),
        ("It lasted from 1820 to 1850.", "1820 to 1850", []),
        ("It rains in June, July and August.", "June, July and August", []),
        ("It was on Dec. 7, 1941, at noon.", "Dec. 7, 1941", ["Dec.", "7", "1941"]),
        ("The king’s fleet sank.", "king’s fleet", ["king’", "fleet", "s"]),
        ("It grew wheat—a grain—then.", "wheat", ["wheat—", "grain—"]),
        ("The University of Oxford hired Dr. Lund.", "University of Oxford", ["hired Dr. Lund"]),
        ("The tower[12] is old.", "tower", ["12"]),
        ("It holds more than 300 people.", "more than 300 people", ["300", "300 people"]),
        ("It cost at least $5 million.", "at least $5 million", ["$5 million"]),
        ("Over 40% voted.", "Over 40%", ["40%"]),
        ("They sold tin, copper and salt.", "tin, copper and salt", []),
        ("It took about 40 minutes.", "about 40 minutes", []),
        ("It took about 40 minutes.", "40 minutes", []),
        ("The head of the ministry of health left.", "head of the ministry of health", []),
    ],
)
def test_quantities_dates_and_names_are_whole(passage, whole, parts):
    texts = [answer.text for answer in propose_answers(passage)]
    assert whole in texts
    assert not set(parts) & set(texts)


@pytest.mark.parametrize("passage", ["", "   ", "!!!", "\n\n"])
def test_nothing_to_propose(passage):
    assert propose_answers(passage) == []


@pytest.mark.parametrize(
    "text", ["red apples, " * 2400, "apples," * 3500, "very red " * 3000, "Paul of " * 3000]
)
def test_a_long_list_is_divided_in_linear_time(text):
    begin = time.process_time()
    propose_answers(text)
    assert time.process_time() - begin < 3


def test_nothing_is_lost_where_a_long_sentence_is_divided():
    text = "Ida Brandt saw red apples and " * 150 + "left."
    assert [answer.text for answer in propose_answers(text)] == [
        "Ida Brandt", "red apples", "red apples and Ida Brandt"
    ]  # fmt: skip


def test_a_long_row_of_dots_is_located_in_linear_time():
    begin = time.process_time()
    with pytest.raises(QGenError):
        locate_answer("It rained.", f"a{'.' * 64_000}b")
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("10 million", "20 million", False),
        ("10 million", "10 billion", False),
        ("5 May", "6 May", False),
        ("World War I", "World War II", False),
        ("Henry VII", "Henry VIII", False),
        ("$3.5", "$35", False),
        ("-5", "5", False),
        ("10 million", "ten million", True),
        ("twenty-five years", "25 years", True),
        ("Louis XIV", "Louis the 14th", True),
        ("5 May", "May 5, 1990", True),
        ("Henry VIII", "Henry", True),
        ("1,000", "1000", True),
    ],
)
def test_answers_with_other_numbers_are_not_the_same(first, second, same):
    assert same_answer(first, second) is same
