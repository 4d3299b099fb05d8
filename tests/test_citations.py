"""Sources named in brackets, and passages without them."""

from time import perf_counter

import pytest

from qgen.english.citations import Uncited
from qgen.english.locate import locate_answer
from qgen.records import Answer

PASSAGE = (
    "Kant agreed with Galen (Eysenck, 2009; Stelmack & Stalikas, 1991). Holding such views "
    "(Plant & Devine, 1998) is desirable (see APA, 2013a, p. 5)."
)
WITHOUT = "Kant agreed with Galen. Holding such views is desirable."


@pytest.mark.parametrize(
    "citation",
    [
        "(Kuhn, 1962)",
        "(Timell 1986)",
        "(Linnet et al., 2003)",
        "(Mayford, Siegelbaum, & Kandel, 2012)",
        "(Thomas and Thomas 1928)",
        "(Cote & Levin 2002, p. 24)",
        "(Freud, 1905/1953; see also Wundt, n.d.)",
        "(American Psychiatric Association [APA], 2013a, 2013b)",
        "(van der Berg 2009)",
        "(U.S. Census Bureau, 2019)",
        "(e.g., O’Kane, 2005)",
        "(Marx 1867)",
        "(Smith 1990: 20; Mayr 1942: 10)",
        "(see below)",
        "(see also Chapter 3)",
        "(Figure 3.2)",
        "(Fig. 2a and 2b)",
        "(Tables 1, 2 and 3)",
        "(Appendix B)",
        "(pp. 12–14)",
        "()",
    ],
)
def test_what_is_a_citation(citation):
    assert Uncited(f"It was so {citation}.").text == "It was so."


@pytest.mark.parametrize(
    "bracket",
    [
        "(1880–1943)",
        "(in May 1843)",
        "(March 1941)",
        "(Nov. 1961)",
        "(born in Kiel, 1857)",
        "(H.R. 2499)",
        "(the later Kuhn, 1962)",
        "(Kuhn)",
        "(Paris and London)",
        "(Table Mountain)",
        "(Section Below)",
        "(Box Office)",
        "(seen from above)",
        "(see that nobody is hurt)",
        "(Born 1950)",
        "(In 1937)",
    ],
)
def test_what_is_none(bracket):
    assert Uncited(f"It was so {bracket}.").text == f"It was so {bracket}."


@pytest.mark.parametrize(
    "text",
    [
        "(" + "; ".join(f"Smith, 19{70 + i}, 19{71 + i}" for i in range(20)) + ", among others)",
        "(" + "Aa, 2014, 2013; " * 40 + "x)",
        "(Fig. " + ", ".join(["II"] * 90) + " x",
        "(" + "Van-" * 5000,
        "(" + "Ab & " * 75 + "x)",
        " " * 20000 + "x",
        "(" * 20000,
    ],
)
def test_a_long_row_is_read_at_once(text):
    began = perf_counter()
    assert Uncited(text).text == text
    assert perf_counter() - began < 0.5


def test_a_passage_without_its_citations():
    uncited = Uncited(PASSAGE)
    assert uncited.text == WITHOUT
    for text in ("Kant", "Galen", "such views", "desirable"):
        answer = locate_answer(WITHOUT, text)
        assert uncited.back(answer) == locate_answer(PASSAGE, text)
        assert uncited.within(locate_answer(PASSAGE, text)) == uncited.within(text) == answer
    over = uncited.back(locate_answer(WITHOUT, "views is"))
    assert over == Answer("views (Plant & Devine, 1998) is", PASSAGE.index("views"))
    for cited in ("Plant", "1991", "views (Plant & Devine, 1998) is"):
        assert uncited.within(locate_answer(PASSAGE, cited)) is None
        assert uncited.within(cited) is None


def test_an_answer_is_looked_for_in_the_whole_passage():
    uncited = Uncited("Lundgren built the café (Lund, 2001) in 1937.")
    assert uncited.within("Lund") is None and uncited.within("Ellby") is None
    assert uncited.within("cafe") == Answer("café", 19)


@pytest.mark.parametrize(
    "passage",
    [
        "(Kuhn, 1962)",
        "Call print() now.",
        "He calls it (Kuhn, 1962)now.",
        "So\n\n(Kuhn, 1962) said.",
    ],
)
def test_what_stays(passage):
    assert Uncited(passage).text == passage
