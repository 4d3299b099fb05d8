"""Near values: the form, unit and precision of a quantity or date stay, and nothing odd comes."""

import calendar
import re
from itertools import islice

import pytest

from qgen.english.values import implied, is_near, near_values, shape
from qgen.english.words import with_article


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("between 1815 and 1820", r"between 1[78]\d\d and 1[78]\d\d"),
        ("1914–18", r"19\d\d–\d\d"),
        ("the 1960s", r"the (19|20)\d0s"),
        ("the nineteenth and twentieth centuries", r"the \w+ and [\w-]+ centuries"),
        ("19th century", r"(1[6-8]th|20th|21st) century"),
        ("May 31", r"(January|March|July|August|October|December) 31"),
        ("8:30 a.m.", r"\d\d?:30 a\.m\."),
        ("twenty-five years", r"(thirty|forty|fifty|sixty|seventy|eighty|ninety)-five years"),
        ("two-thirds", r"\w+-\w+"),
        ("one minute", r"(two|three|four|five) minutes"),
        ("10 to 20 percent", r"\d0 to \d0 percent"),
        ("98%", r"[6-9]\d%"),
        ("2,500 people", r"\d,\d00 people|\d00 people"),
        ("753 BCE", r"\d{3} BCE"),
        ("First Amendment", r"(Second|Third|Fourth|Fifth) Amendment"),
        ("July to August", r"(August to September|June to July|\w+ to (April|May|June|\w+ber))"),
        (
            "one hundred to two hundred",
            r"(two hundred to three|three hundred to four|four hundred to five) hundred",
        ),
        ("one or two", r"(two or three|three or four|four or five)"),
        ("-5 °C", r"-\d °C"),
        ("from 1 mile to 5 miles", r"from [2-5] miles to [6-9] miles"),
        ("2 m to 90 cm", r"(4|6|8) m to (180|270|360) cm"),
        ("20 men and 30 women", r"(10|30|40|50) men and (20|40|50|60) women"),
        ("third-largest city", r"(first|second|fourth|fifth|sixth)-largest city"),
        ("1 year to 18 months", r"2 years to 36 months|3 years to 54 months|4 years to 72 months"),
        ("6 minutes and 30 seconds", r"\d minutes and 30 seconds"),
        ("2 hours 15 minutes to 3 hours", r"[4-9] hours [3-6]\d minutes to \d+ hours"),
        ("1 hour, 15 minutes", r"[2-5] hours, 15 minutes"),
        ("between 6 and 30 minutes", r"between \d\d? and [1-9]0 minutes"),
        ("6 days and 20 days", r"\d\d? days and [1-6]0 days"),
        ("one third-party tool", r"(two|three|four|five) third-party tools"),
        ("19th-century", r"(1[6-8]th|20th|21st)-century"),
        ("the 31st of December", r"the 31st of (January|March|May|July|August|October)"),
        ("February 29th", r"(?!Feb)\w+ 29th"),
        ("15 March 44 BC", r"15 (?!March)[A-Z]\w+ 44 BC"),
        ("24 August 79", r"24 (?!August)[A-Z]\w+ 79"),
        ("5 ft 11 in", r"\d ft 11 in"),
        ("5'11\"", r"\d'11\""),
        ("5' 11\"", r"\d' 11\""),
        ("2 h 30 min", r"\d h 30 min"),
        ("1990/91", r"(19[89]\d)/\d\d"),
        (
            "twenty or thirty people",
            r"(ten or twenty|thirty or forty|forty or fifty|.*sixty) people",
        ),
        ("three out of six", r"(two|four|five) out of six"),
        ("1914, 1918 and 1939", r"19[01]\d, 19[012]\d and 19[234]\d"),
        ("Nov. 30", r"(Jan|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Dec)\. 30"),
        ("Dec. 31st", r"(Jan|Mar|Jul|Aug|Oct)\. 31st"),
        ("2001-09-11", r"(19|20)\d\d-09-11"),
        ("10–11 a.m.", r"(1–2|[2-9]–(?:[3-9]|10)|11–12) a\.m\."),
        ("2 p.m. to 4 p.m.", r"(1 p\.m\. to 3|3 p\.m\. to 5|\d+ p\.m\. to \d+) p\.m\."),
        ("twelve o'clock", r"(eleven|ten|nine|eight) o'clock"),
        ("20 in 100", r"\d\d? in 100"),
        ("4.5 out of 5", r"[0-4]\.\d out of 5"),
        ("16:9", r"\d+:9"),
        ("1500 kg", r"\d+00 kg"),
    ],
)
def test_form_unit_and_precision_stay(text, pattern):
    found = list(islice(near_values(text), 3))
    assert len(set(found)) == 3 and text not in found
    for other in found:
        assert re.fullmatch(pattern, other), other
        # Where there is one of something, others are several.
        assert shape(other) == shape(text) or re.search(r"\b(?:one|1) (?!or\b)", text)


def test_the_article_agrees_with_the_other_number():
    found = list(near_values("an 8-year-old boy"))
    assert "a 9-year-old boy" in found and all(text == with_article(text) for text in found)


def test_ranges_go_upwards_and_nothing_is_in_the_future():
    ranges, shares = list(near_values("between 1990 and 2024")), list(near_values("100 percent"))
    assert ranges and shares
    for other in ranges:
        first, last = map(int, re.findall(r"\d+", other))
        assert first < last <= 2025
    for other in shares:
        assert int(other.split()[0]) < 100


def test_the_answer_is_not_always_in_the_middle():
    below = {
        sum(int(other) < year for other in islice(near_values(str(year)), 3))
        for year in range(1700, 1760)
    }
    assert below == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("15:45", r"1[1-9]:45"),
        ("09:30", r"(0[5-8]|1[0-3]):30"),
        ("12:15", r"(8|9|10|11):15"),
        ("0:30", r"[1-4]:30"),
        ("9:30–11:00", r"\d\d?:30–\d\d?:00"),
        ("2:03:59", r"[1-6]:03:59"),
        ("10^6", r"10\^\d\d?"),
        ("6.02 × 10^-23", r"6\.02 × 10\^-\d\d"),
        ("29 February 2004", r"29 February (19[789]\d|20[012]\d)"),
    ],
)
def test_times_powers_and_leap_days_stay_such(text, pattern):
    found = list(near_values(text))
    assert len(found) >= 3
    for other in found:
        assert re.fullmatch(pattern, other), other
        assert shape(other) == shape(text)
        if "February" in text:
            assert calendar.isleap(int(other[-4:]))
        if ":" in text:
            assert all(int(hour) <= 23 for hour in re.findall(r"(?<![:\d])\d+(?=:)", other))


def test_a_range_keeps_its_width():
    assert set(near_values("90–95%")) == {"85–90%", "80–85%", "75–80%"}
    for other in near_values("300 to 350 people"):
        first, last = map(int, re.findall(r"\d+", other))
        assert last - first == 50


@pytest.mark.parametrize("text", ["9" * 310, "9" * 400 + " metres", "ſeven", "the ſecond century"])
def test_what_is_no_number_that_can_be_counted_has_no_near_value(text):
    assert list(near_values(text)) == []


@pytest.mark.parametrize(
    "text", ["COVID-19", "H2O", "the oldest car", "one of the towers", "May Day"]
)
def test_what_has_a_number_but_is_no_value(text):
    assert not shape(text)


@pytest.mark.parametrize(
    ("before", "text", "other", "expected"),
    [
        ("It ended before ", "Dec. 8, 1945", "Dec. 5, 1950", True),
        ("It drops below ", "−40 °C", "−30 °C", True),
        ("It drops below ", "−40 °C", "−50 °C", False),
        ("It is deeper than ", "1,600 metres", "1,100 metres", True),
        ("More than ", "half", "a third", True),
        ("More than ", "half", "two thirds", False),
        ("They fled before ", "May 8, 1945", "May 8, 1946", True),
        ("They fled before ", "May 8, 1945", "May 8, 1944", False),
    ],
)
def test_what_a_bound_makes_right(before, text, other, expected):
    assert implied(before, text, other) is expected


@pytest.mark.parametrize("text", ["192.168.0.1/24", "2.0.1:5", "1 in 10.", "1.2.3 of 4"])
def test_numbers_with_several_points_have_values_or_none(text):
    assert text not in list(near_values(text))


def test_only_hours_move_with_a_time():
    assert all(re.fullmatch(r"10-12 May at \d p\.m\.", v) for v in
               islice(near_values("10-12 May at 5 p.m."), 3))  # fmt: skip


def test_far_values_are_not_confused():
    assert is_near("1937", "1912") and not is_near("1937", "1066")
    assert is_near("35 metres", "50 metres") and not is_near("35 metres", "3 metres")


@pytest.mark.parametrize(
    ("phrase", "right"),
    [
        ("an early 18th-century house", "an early 18th-century house"),
        ("A eighth part", "An eighth part"),
        ("an seventh part", "a seventh part"),
        ("a 11-year-old", "an 11-year-old"),
        ("an 110-page book", "a 110-page book"),
        ("a 1,800 tonne ship", "a 1,800 tonne ship"),
        ("a 80 %", "an 80 %"),
        ("a animal", "an animal"),
        ("an university", "a university"),
        ("an uranium mine", "a uranium mine"),
        ("an U.S. state", "a U.S. state"),
        ("a unidentified object", "an unidentified object"),
        ("a uninhabited island", "an uninhabited island"),
        ("an European", "a European"),
        ("an one-way street", "a one-way street"),
        ("an house", "a house"),
        ("a hour", "an hour"),
        ("another house", "another house"),
        ("the eighth", "the eighth"),
        ("an Ukrainian", "a Ukrainian"),
        ("an Ugandan", "a Ugandan"),
        ("an Uruguayan", "a Uruguayan"),
        ("an utensil", "a utensil"),
        ("a urban area", "an urban area"),
        ("a utter lie", "an utter lie"),
        ("a EU country", "an EU country"),
        ("a NFL player", "an NFL player"),
        ("a HTML page", "an HTML page"),
        ("a X-ray", "an X-ray"),
        ("a mRNA vaccine", "an mRNA vaccine"),
        ("an NATO ally", "a NATO ally"),
        ("an UNESCO site", "a UNESCO site"),
        ("an U-turn", "a U-turn"),
        ("A MAN", "A MAN"),
    ],
)
def test_the_article_is_as_the_next_word_is_spoken(phrase, right):
    assert with_article(phrase) == right


def test_an_early_century_keeps_its_article():
    found = list(islice(near_values("an early 18th century"), 3))
    assert found and all(other.startswith("an early ") for other in found)
