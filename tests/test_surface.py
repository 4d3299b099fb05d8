"""Spacing and case of questions that were written in lower-cased word pieces."""

import pytest

from qgen.english.surface import recase, respace, with_articles, with_pairs

PASSAGE = (
    "On February 7, 2016, the AFC champion Denver Broncos beat Carolina 24–10. Beyoncé sang. "
    "The game cost $5.25 million in the U.S. Paris was not there. Dr. Smith was."
)


@pytest.mark.parametrize(
    ("decoded", "plain"),
    [
        ("who won 24 – 10 ?", "who won 24–10?"),
        ("what is beyonce ' s job ?", "what is beyonce's job?"),
        ("what cost $ 5 . 25 million ?", "what cost $5.25 million?"),
        ("where in the u . s . is it ?", "where in the u.s. is it?"),
        ('what is " the game " called ?', 'what is "the game" called?'),
        ("what ( if any ) is e - commerce , then ?", "what (if any) is e-commerce, then?"),
        ("how many of 1 , 200 people ?", "how many of 1,200 people?"),
        ("who met o ' brien of the weavers ' guild ?", "who met o'brien of the weavers' guild?"),
        ("what did the r & b singer say ?", "what did the r&b singer say?"),
        ("who sang in the ' 60s and the ' 70s ?", "who sang in the '60s and the '70s?"),
        ("who is 5 ' 10 \" tall ?", "who is 5'10\" tall?"),
        ("", ""),
    ],
)
def test_respace(decoded, plain):
    assert respace(decoded, PASSAGE) == plain


@pytest.mark.parametrize(
    ("passage", "decoded", "plain"),
    [
        ("It fell to -5 degrees.", "what fell to - 5 degrees ?", "what fell to -5 degrees?"),
        ("H. G. Wells left.", "when did h . g . wells leave ?", "when did h. g. wells leave?"),
        ("Ask /r/software (today).", "who is on / r / software ?", "who is on /r/software?"),
        ("See ab_c.txt, then go.", "what is ab _ c . txt ?", "what is ab_c.txt?"),
        ("AT&T's 3:2 win.", "who won 3 : 2 at at & t ' s ?", "who won 3:2 at at&t's?"),
    ],
)
def test_what_the_passage_writes_in_one_is_written_so(passage, decoded, plain):
    assert respace(decoded, passage) == plain


@pytest.mark.parametrize(
    ("lower", "cased"),
    [
        ("who did the denver broncos beat?", "Who did the Denver Broncos beat?"),
        ("what did beyonce do?", "What did Beyoncé do?"),
        ("what is paris?", "What is Paris?"),
        ("where in the u.s. was the game?", "Where in the U.S. was the game?"),
        ("", ""),
    ],
)
def test_recase(lower, cased):
    assert recase(lower, PASSAGE) == cased


@pytest.mark.parametrize(
    ("passage", "lower", "cased"),
    [
        ("Rent is due in May.", "when is rent due?", "When is rent due?"),
        ("Pure water boils.", "what boils like pure water?", "What boils like pure water?"),
        ("Honey bees dance.", "why do honey bees dance?", "Why do honey bees dance?"),
        ("In 1973.The potato.It grew.", "when did the potato?", "When did the potato?"),
        ("It grew in 1973!Farmers ate.", "what did farmers eat?", "What did farmers eat?"),
        ("He left St.Louis.", "when did he leave st. louis?", "When did he leave St. Louis?"),
        ("Zoë sang.", "what did zoe do?", "What did Zoë do?"),
        ("Mark Twain wrote.", "what did mark twain do?", "What did Mark Twain do?"),
        ("THE DRILL IS AT 11 AM.", "when is the drill?", "When is the drill?"),
        ("He works for NASA IN HOUSTON.", "who is at nasa?", "Who is at NASA?"),
        (
            "My hens lay.",
            "when do i feed them, i.e. my hens?",
            "When do I feed them, i.e. my hens?",
        ),
    ],
)
def test_capitals_that_only_open_a_sentence_or_shout_are_left(passage, lower, cased):
    assert recase(lower, passage) == cased


def test_neighbours_tell_between_spellings():
    passage = "He won the Chopin Piano Competition. It is a hard competition of the New World."
    assert recase("what competition is hard?", passage) == "What competition is hard?"
    assert recase("who won the piano competition?", passage) == "Who won the Piano Competition?"


@pytest.mark.parametrize(
    ("passage", "cased"),
    [
        ("The WHO declared it.", "Who declared it?"),
        ("The WHO declared it.", "When did the WHO declare it?"),
        ("He sang What a Wonderful World.", "In what year did he sing it?"),
        ("The IT industry grew in India.", "Where did it grow?"),
        ("The US joined it.", "What did it tell us?"),
        ("The US joined it.", "When did the US join?"),
        ("In May, the company sells tea.", "What may the company sell?"),
        ("The actor is Will Smith.", "Who is Will Smith?"),
        ("He lives in The Hague.", "Who lives in The Hague?"),
    ],
)
def test_a_function_word_has_the_capital_of_a_name_only_beside_its_neighbour(passage, cased):
    assert recase(cased.lower(), passage) == cased


def test_i_has_a_capital_behind_a_quotation_mark_too():
    assert recase('who said "i have a dream"?', "") == 'Who said "I have a dream"?'


def test_what_kind_is_asked_for_has_no_capital():
    passage = (
        "The Treaty of Westphalia ended the Thirty Years' War. The Golden Gate Bridge opened. The "
        "Apple Watch won a Grammy Award, as did a German and NASA. They sang What Child Is This."
    )
    for cased in (
        "Which war did the Treaty of Westphalia end?",
        "What treaty ended the Thirty Years' War?",
        "It ended which war?",
        "Which bridge opened?",
        "Which Apple Watch won?",
        "Which Apple product won?",
        "Which award did the Apple Watch win?",
        "Which German won?",
        "Which NASA flew?",
        "Who sang What Child Is This?",
    ):
        assert recase(cased.lower(), passage) == cased


def test_words_spelled_in_two_ways_stay():
    assert recase("what is apple?", "An apple is not Apple or an apple.") == "What is apple?"


@pytest.mark.parametrize(
    ("passage", "cased"),
    [
        ("Whisk three eggs with salt.", "What should you whisk with salt?"),
        ("Beekeepers from three counties came.", "Where did the beekeepers come from?"),
        ("Ann: Did the plumber come? Bo: Yes.", "When did the plumber come?"),
        ("Rent is due on Monday.", "When is rent due?"),
        ("Maria bought a car.", "What did Maria buy?"),
        ("Amir burned the rice.", "What did Amir burn?"),
        ("Zoë sang. Then she left.", "Who is Zoë?"),
    ],
)
def test_the_first_word_of_a_sentence_has_a_capital_only_as_a_name(passage, cased):
    assert recase(cased.lower(), passage) == cased


@pytest.mark.parametrize(
    ("question", "paired"),
    [
        ("Who wrote the book “Megatrends \"?", "Who wrote the book “Megatrends”?"),
        ("Who said “we’d better get down?", "Who said “we’d better get down”?"),
        ("Which party wanted to stay the course” with Bush?",
         "Which party wanted to stay the course with Bush?"),
        ("Which shot was known \" in a thousand miles of film?",
         "Which shot was known in a thousand miles of film?"),
        ("What does \"shall\" send to them? \"", "What does \"shall\" send to them?"),
        ("Who are \" idle vagabonds”?", "Who are \"idle vagabonds\"?"),
        ("How many brands is GM) known for?", "How many brands is GM known for?"),
        ("What is food (mushrooms, truffles, etc.?", "What is food (mushrooms, truffles, etc.)?"),
        ("Who cut a 6\" pipe?", "Who cut a 6\" pipe?"),
        ("Who wrote \"Emma\" (1815)?", "Who wrote \"Emma\" (1815)?"),
    ],
)  # fmt: skip
def test_marks_come_in_pairs(question, paired):
    assert with_pairs(question) == paired


@pytest.mark.parametrize(
    ("question", "mended"),
    [
        ("What may a employer do?", "What may an employer do?"),
        ("What is an modern, global market?", "What is a modern, global market?"),
        ("What did an hour at a university cost?", None),
        ("Who is an MP with an yttrium laser, or a one-armed man?", None),
        ("What is a European, and what is a ewe?", None),
        ("What is an mph or an X-ray?", None),
        ("If a is 3, what are a and b?", None),
        ("What does vitamin A improve?", None),
        ("Who said Qu'a ete?", None),
    ],
)
def test_with_articles(question, mended):
    assert with_articles(question) == (mended or question)
