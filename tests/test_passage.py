"""Sentences and tags of a passage, and what is remembered of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from qgen.english.passage import Passage, once_a_passage, sentence_spans
from qgen.english.passage import _Latest as Latest


def test_sentences_do_not_end_at_abbreviations():
    text = "Dr. Smith came. He left."
    assert [text[a:b] for a, b in sentence_spans(text)] == ["Dr. Smith came.", "He left."]
    for text in (
        "Some Plasmodium spp. have shown resistance.",
        "Raphanus raphanistrum subsp. sativus is the radish.",
        "Smith et al. 2011 found no such thing.",
        "He was the first American to earn a Ph.D. from Harvard.",
    ):
        assert len(sentence_spans(text)) == 1
    sentences = [
        "It opens at 9 a.m. on Mondays and at 6 p.m.",
        "On Fridays it opens at 7 a.m.",
        "Sundays it is shut.",
    ]
    text = " ".join(sentences)
    assert [text[a:b] for a, b in sentence_spans(text)] == sentences


@pytest.mark.parametrize(
    "text",
    [
        "Sen. John McCain met Gov. Brown at Mt. Hood.",
        "J.R.R. Tolkien did.",
        "The U.N. voted in 500 B.C. as well.",
        "On Dec. 3, 1950, it fell, as Fig. 3 shows (c. 1200).",
        "Add 2 tbsp. of sugar.",
        '"Stop!" he cried.',
        "Some, e.g. The Times, agreed.",
        "Polls open at 7 a.m. Tuesday in Ohio.",
        "Under Art. 6 of the Convention it is free.",
        "Yahoo! was founded in 1994.",
        "He met Mme. Bovary there.",
    ],
)
def test_a_sentence_goes_on_behind_its_stop(text):
    assert sentence_spans(text) == [(0, len(text))]


@pytest.mark.parametrize(
    "sentences",
    [
        ["I told him no.", "He left."],
        ["They live in Main St.", "The house is old."],
        ["He lives in the U.S.", "The law is old."],
        ["It ended World War I.", "In 1920 he left."],
        ["it rained.", "he left."],
        ["He has a phone.", "iPhones sell."],
        ["He loves art.", "The museum is big."],
        ["He studied Fine Art.", "20 years later he died."],
        ["What is it?", "it is a dog."],
        ["It opens at 9 a.m.", "The doors are red."],
    ],
)
def test_a_sentence_ends_at_an_abbreviation_before_a_word_that_begins_one(sentences):
    text = " ".join(sentences)
    assert [text[a:b] for a, b in sentence_spans(text)] == sentences


def test_no_sentence_runs_across_a_blank_line_or_into_the_item_of_a_list():
    text = "Ada Lund\n\nAda Lund was\nborn.\r\n\r\nShe sold:\n- red hats\n• 5 - 3 caps\n"
    assert [text[a:b] for a, b in sentence_spans(text)] == [
        "Ada Lund", "Ada Lund was\nborn.", "She sold:", "- red hats", "• 5 - 3 caps"
    ]  # fmt: skip


def test_tokens_have_places_and_tags():
    text = "In May Zoë sold 12 hats."
    [tokens] = Passage.of(text).tokens
    assert [text[token.start : token.end] for token in tokens] == [
        *"In May Zoë sold 12 hats .".split()
    ]
    assert [token.tag for token in tokens if text[token.start].isdigit()] == ["CD"]
    assert [token.tag for token in tokens if text.startswith("Zoë", token.start)] == ["NNP"]


def test_a_curly_apostrophe_is_one_and_a_dash_is_no_noun():
    text = "The king’s trade—a large one—didn’t last."
    [tokens] = Passage.of(text).tokens
    tags = {text[token.start : token.end]: token.tag for token in tokens}
    assert tags["’s"] == "POS"
    assert tags["n’t"] == "RB"
    assert tags["—"] == "SYM"


def test_a_passage_is_worked_out_once_for_all_who_look_at_its_text():
    seen = []

    @once_a_passage
    def length(passage):
        seen.append(passage.text)
        return len(passage.text)

    assert [length("Red."), length("Re" + "d."), length("Blue.")] == [4, 4, 5]
    assert seen == ["Red.", "Blue."]
    assert Passage.of("Red.").tokens is Passage.of("Re" + "d.").tokens


def test_only_so_many_characters_are_remembered_and_the_latest_always():
    latest = Latest(10)
    first = latest.get("a" * 6)
    assert latest.get("a" * 6) is first
    latest.get("b" * 4)
    assert latest.get("a" * 6) is first
    latest.get("c" * 4)  # makes fourteen with the first, which was used after the second
    assert latest.get("a" * 6) is first
    long = latest.get("d" * 50)
    assert latest.get("d" * 50) is long
    assert latest.get("a" * 6) is not first


def test_threads_share_a_passage():
    texts = [f"Number {i % 7} rang. It was late." for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(Passage.of, texts))
    assert len({id(passage) for passage in found}) == 7
    assert all(passage.text == text for passage, text in zip(found, texts, strict=True))
