"""Sources named in brackets, and passages without them."""

import pytest

from qgen.english.citations import CITATION, Uncited
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
    assert CITATION.fullmatch(citation)


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
    ],
)
def test_what_is_none(bracket):
    assert not CITATION.search(f"It was so {bracket}.")


@pytest.mark.parametrize("text", ["(" + "Van-" * 5000, "(" + "Ab & " * 5000, "(Ab 2000; " * 3000])
def test_a_long_row_of_names_is_read_at_once(text):
    assert not CITATION.search(text)


def test_a_passage_without_its_citations():
    uncited = Uncited(PASSAGE)
    assert uncited.text == WITHOUT
    for text in ("Kant", "Galen", "such views", "desirable"):
        answer = locate_answer(WITHOUT, text)
        assert uncited.back(answer) == locate_answer(PASSAGE, text)
        assert uncited.within(locate_answer(PASSAGE, text)) == answer
        assert uncited.within(text) == text
    over = uncited.back(locate_answer(WITHOUT, "views is"))
    assert over == Answer("views (Plant & Devine, 1998) is", PASSAGE.index("views"))
    for cited in ("Plant", "1991", "views (Plant & Devine, 1998) is"):
        assert uncited.within(locate_answer(PASSAGE, cited)) is None
        assert uncited.within(cited) is None


def test_a_passage_that_has_none():
    assert Uncited("Kant agreed (in 1798).").text == "Kant agreed (in 1798)."
