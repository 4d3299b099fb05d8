"""Wrong answers for multiple choice: things of the answer's own kind, in its form, that are not
right as well.

Quantities and dates get near values.  For names and phrases :func:`candidates` finds what may do -
of the passage, of the texts beside it, and of the lexicon of things of a kind -, a ranker
(:mod:`qgen.asking.plausibility`) says how good each one is, and :func:`chosen` takes the best that
break none of the few hard rules.  There may be fewer than are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from qgen.english.dictionary import base_forms, inflections, usual_tag
from qgen.english.passage import sentence_spans
from qgen.english.phrases import propose_answers
from qgen.english.quantities import MONTHS
from qgen.english.things import Likeness, Things
from qgen.english.values import implied, is_near, near_values, shape
from qgen.english.words import (
    ARTICLES,
    ASKS_FOR_PERSON,
    answer_tokens,
    capitalized,
    fold,
    spaced,
    stems,
    token_f1,
    with_article,
)
from qgen.records import Answer
from qgen.settings import CLAUSE_KINDS

IsRight = Callable[[str], bool]
"""Whether a candidate would answer the question too, such as by the reader."""


class Candidate(NamedTuple):
    """What may be a wrong answer: its text, in the answer's form, and what the lexicon says of it
    beside the answer."""

    text: str
    likeness: Likeness = Likeness()


_DETERMINER = r"(?:the|an?|my|your|his|her|its|our|their)\s+"
_LEAD = re.compile(
    r"(?P<preposition>(?:in|on|at|to|for|from|with|by|into|onto|under|over|behind|after|before|"
    rf"beside|near|through|towards?|between|among)\s+)?(?P<determiner>{_DETERMINER})?",
    re.I,
)
_OWN_DETERMINER = re.compile(rf"(?<!\w){_DETERMINER}$", re.I)
_LINK = re.compile(r"\s(?:of|in|on|at|to|for|from|with|by|and|or)\s")
_NOTHING = frozenset(
    "everybody everyone nobody somebody anybody everything nothing something anything others "
    "meantime".split()
)
"""What the tagger takes for things."""
_VAGUE = re.compile(
    r"\b(?:this|that|these|those|such|other|others|another|own|same|way|ways|thing|things|number|"
    r"part|parts|kind|kinds|type|types|example|examples|addition|order|result|fact|case|one|ones|"
    r"time|times|many|some|several|most|much|more|lot|rest|all|each|both|few)\b",
    re.I,
)
"""Words of phrases that say little by themselves."""
_TITLE = re.compile(
    r"(?:dr|mr|mrs|ms|sir|lady|lord|king|queen|prince|princess|president|captain|general|saint|st|"
    r"pope|emperor|professor|senator|judge|governor)\b\.?",
    re.I,
)
_BEFORE = r"(?:(?:in|on|at|by|with|behind|under|from|to|for|of)\s+)?(?:the\s+|an?\s+)?"
_ITEMS = r"(?:,\s*[\w'’-]+(?:\s[\w'’-]+){0,3}\s?)*,?\s*"
_JOINED = re.compile(rf"{_ITEMS}\b(?:and|or|nor|as well as)\s+(?:both\s+)?{_BEFORE}", re.I)
_COMMA = re.compile(rf",\s*{_BEFORE}", re.I)
_GOES_ON = re.compile(rf"{_ITEMS}(?:and|or)\b", re.I)
"""What stands between two things of one list."""
_BRACKETED = re.compile(r"\s?\([^()]{1,60}\)")
"""Behind one of them: "Kurt Koffka (1886–1941), and"."""
_LONGEST_GAP = 300
"""Characters between two things of one list, brackets and all."""


def values(passage: str, answer: Answer) -> Iterator[str]:
    """Near values of the same form, the passage's own first; none that the passage lists beside the
    answer, which may be right as well."""
    text, begins = spaced(answer.text), _begins_sentence(passage, answer)
    form, before, after = shape(text), passage[: answer.start], passage[answer.end :]
    alike = [
        other
        for other in propose_answers(passage)
        if shape(spaced(other.text)) == form and not other.overlaps(answer)
    ]
    listed = [answer]
    for one in listed:  # and with what is listed with that: a list has "and" only at its end
        listed += [o for o in alike if o not in listed and _is_listed(passage, one, o)]
    right = {_in_form_of(text, begins, passage, other) for other in listed}
    own = (_in_form_of(text, begins, passage, o) for o in alike if is_near(o.text, text))
    for other in chain(own, near_values(text)):
        if other not in right and not implied(before, text, other, after):
            yield other


def candidates(
    passage: str, question: str, answer: Answer, beside: Sequence[str], lexicon: Things
) -> list[Candidate]:
    """Names and phrases that may be wrong answers: those of the passage, of other texts and of the
    lexicon, each once, in no order that matters.

    Args:
        passage: where the answer stands.
        question: what is asked for it.
        answer: the right one; no quantity or date.
        beside: other paragraphs of the same document.
        lexicon: things of a kind.
    """
    found: dict[str, Candidate] = {}
    proper = _is_proper(passage, answer)
    person = bool(ASKS_FOR_PERSON.search(question))
    model, begins = spaced(answer.text), _begins_sentence(passage, answer)
    like = things_like(model, lexicon)
    known = {fold(thing): likeness for thing, likeness in like.items()}
    listed = set()  # which may be right as well
    for text in (passage, *beside):
        for other in propose_answers(text):
            if text is passage and other.overlaps(answer):
                continue
            if text is passage and _is_listed(text, answer, other):
                listed.add(fold(_bare(spaced(other.text))))
                continue
            if (other.kind in CLAUSE_KINDS) != (answer.kind in CLAUSE_KINDS):
                continue
            if other.kind in CLAUSE_KINDS and other.kind != answer.kind:
                continue
            if shape(other.text) or not _is_whole(text, other):
                continue
            if _is_proper(text, other) == proper and _fits(model, other.text, proper, person):
                shown = _in_form_of(model, begins, text, other)
                likeness = known.get(fold(_bare(shown)), Likeness())
                found.setdefault(fold(shown), Candidate(shown, likeness))
    if answer.kind not in CLAUSE_KINDS:
        for thing, likeness in like.items():
            shown_thing = _thing_in_form_of(model, begins, thing, proper)
            if not shown_thing or fold(_bare(shown_thing)) in listed:
                continue
            if _fits(model, shown_thing, proper, person):
                found.setdefault(fold(shown_thing), Candidate(shown_thing, likeness))
    return list(found.values())


def things_like(answer: str, lexicon: Things) -> dict[str, Likeness]:
    """What the lexicon has beside an answer, or beside the singular of one that ends like a plural,
    names too."""
    bare = _bare(answer)
    return lexicon.like(bare) or lexicon.like(_singular(bare) or bare)


def chosen(
    question: str,
    answer: str,
    ordered: Iterable[str],
    count: int,
    is_right: IsRight = lambda text: False,
    lexicon: Things | None = None,
) -> list[str]:
    """The first candidates that are neither right nor too like the answer or one another.

    Args:
        question: no word of it makes a distractor.
        answer: the right one.
        ordered: the candidates, best first.
        count: how many; fewer come where no more are fit.
        is_right: tells of a candidate whether it answers the question as well.
        lexicon: tells which names are of one thing.
    """
    fit: list[str] = []
    asked = f" {' '.join(stems(question))} "

    def usable(text: str) -> bool:
        held = f" {' '.join(s for s in stems(text) if s not in ARTICLES)} "
        return (
            not any(_alike(text, known, lexicon) for known in (answer, *fit))
            and held not in asked
            and not is_right(text)
        )

    for text in ordered:
        if usable(text):
            fit.append(text)
        if len(fit) == count:
            break
    return fit


def first_values(
    passage: str, question: str, answer: Answer, count: int, is_right: IsRight
) -> list[str]:
    """So many near values that are not right as well."""
    return chosen(question, answer.text, islice(values(passage, answer), 40), count, is_right)


def _alike(first: str, second: str, lexicon: Things | None) -> bool:
    """Whether two answers are equal but for form, one holds most of the other, or they are two
    names of one thing."""
    a, b = answer_tokens(first), answer_tokens(second)
    if not a or a == b or set(a) <= set(b) or set(b) <= set(a):
        return True
    if shape(first) or shape(second):  # two values of the same unit share most of their words
        return False
    own, others = (set(stems(text)) - ARTICLES for text in (first, second))
    if own == others or token_f1(first, second) > 0.7:
        return True
    if len(a) == 1 and any(word[:5] == a[0][:5] for word in b if len(a[0]) > 5):
        return True  # "corruption", "corrupt elite"
    if any(_initials(x) == re.sub(r"\W", "", y) for x, y in ((first, second), (second, first))):
        return True  # "United States", "U.S."
    if re.search(r",|\band\b", first) and own & others - _JOINING:
        return True  # two lists that share a thing
    if not lexicon:
        return False
    if fold(_bare(second)) in lexicon.synonyms(_bare(first)):
        return True
    if len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1:
        x, y = next((x, y) for x, y in zip(a, b, strict=True) if x != y)
        x, y = _singular(x) or x, _singular(y) or y
        periods = len(a) > 1 and a[-1] != b[-1] and {x, y} <= _PERIODS
        return y in lexicon.synonyms(x) or periods
    return False


def _initials(text: str) -> str:
    """Of the capitalised words of a name that has several; else none, which is no text's."""
    capitals = re.findall(r"\b[A-Z](?=\w*[a-z])", text)
    return "".join(capitals) if len(capitals) > 1 else "-"


_JOINING = frozenset({"and", "or", "of", "in"})
_PERIODS = frozenset("time day era period age year epoch season".split())
"""Nouns that mean the same behind an adjective: "colonial times", "colonial days"."""


def _fits(answer: str, other: str, proper: bool, person: bool) -> bool:
    """Whether two answers in words look alike: of like length, both plural or neither, a phrase
    such as "name of a place" only beside another, a surname or title beside its like."""
    first, second = _bare(answer), _bare(other)
    if not second or fold(other) in _NOTHING:
        return False
    lengths = sorted(len(text.split()) for text in (first, second))
    if bool(_LINK.search(first)) != bool(_LINK.search(second)) or lengths[1] > 2 * lengths[0]:
        return False
    if first.count(",") != second.count(","):
        return False
    if person and _in_lexicon(second.split()[-1]) and not _in_lexicon(first.split()[-1]):
        return False  # an empire beside an emperor
    if proper:
        if bool(_TITLE.match(first)) != bool(_TITLE.match(second)):
            return False
        return not (person and lengths[0] == 1 < lengths[1])
    if _VAGUE.search(second) and not _VAGUE.search(first):
        return False
    return is_plural(first) == is_plural(second)


def is_plural(phrase: str) -> bool:
    """Whether a noun phrase is plural, by the last word before "of" and the like."""
    if re.search(r"\b(?:and)\b", phrase):
        return True
    words = re.findall(r"[\w'’-]+", _LINK.split(phrase)[0])
    return bool(words) and _is_plural_noun(words[-1].lower())


def _is_plural_noun(word: str) -> bool:
    tag = usual_tag(word)
    if tag == "NNS" or _LATIN_PLURAL.search(word):
        return True
    if tag and tag.startswith("NN") and word.endswith("s"):
        return False  # "physics"
    bases = base_forms(word, "NOUN")
    if not tag and not bases:
        return bool(re.search(r"[^suix]s$", word)) and len(word) > 3
    return bool(bases) and word not in bases


_LATIN_PLURAL = re.compile(r"(?:teria|ndria|omena|spora|mata|fungi|clei|muli|teri|algae|vae|brae)$")
"""Plurals that the tagger takes for singular."""


def _singular(phrase: str) -> str | None:
    """A plural phrase in the singular; ``None`` for another one."""
    if not is_plural(phrase) or _LINK.search(phrase):
        return None
    before, _, last = phrase.rpartition(" ")
    bases = base_forms(last.lower(), "NOUN")
    if not bases:
        bases = (re.sub(r"ies$", "y", last) if last.endswith("ies") else last.removesuffix("s"),)
    return f"{before} {bases[0]}".strip() if bases[0] != last else None


def _plural(phrase: str) -> str:
    before, _, last = phrase.rpartition(" ")
    if (usual_tag(last) or "NN")[:2] != "NN":
        return phrase  # "the dead"
    forms = inflections(last, "NOUN").get("NNS", ())
    return f"{before} {forms[0] if forms else last + 's'}".strip()


def _is_proper(passage: str, answer: Answer) -> bool:
    """Whether an answer is a name: its words have capitals, and not only since it begins a
    sentence."""
    bare = _bare(answer.text)
    words = [
        word
        for word in re.findall(r"[^\W\d_][\w'’.-]*", bare)
        if len(word) > 3 or word[:1].isupper()
    ]
    if not words or not words[0][:1].isupper() or not words[-1][:1].isupper():
        return False
    begins = _begins_sentence(passage, answer)
    first = usual_tag(words[0].lower()) or ""
    return not (begins and bare == answer.text and len(words) == 1 and first[:2] in {"NN", "JJ"})


def _begins_sentence(passage: str, answer: Answer) -> bool:
    """Whether nothing but a quote or bracket stands before an answer."""
    return any(
        begin <= answer.start <= begin + 2 and not passage[begin : answer.start].strip("\"'“‘([")
        for begin, _ in sentence_spans(passage)
    )


def _is_whole(text: str, other: Answer) -> bool:
    """Whether a name of a passage is not a part of a longer one, nor joined from two."""
    before, after = text[: other.start], text[other.end :]
    if other.text[:1].isupper():
        if re.match(r"[- ][A-Z]", after) or re.search(r"[a-z,] [A-Z][\w.]*[- ]$", before):
            return False
        if re.match(r" of (?:the )?[A-Z]", after):
            return False
    words = other.text.split()
    joined = len(words) > 1 and words[0][:1].isupper() and words[-1][:1].isupper()
    return not (joined and usual_tag(words[0].lower()) == "NNS")


def _is_listed(passage: str, answer: Answer, other: Answer) -> bool:
    """Whether two spans are things of one list, which may both be right."""
    first, second = sorted((answer, other), key=lambda one: one.start)
    if second.start - first.end > _LONGEST_GAP:
        return False
    between = _BRACKETED.sub("", passage[first.end : second.start])
    if len(between) > 90:
        return False
    if _COMMA.fullmatch(between):
        return bool(_GOES_ON.match(_BRACKETED.sub("", passage[second.end :][:_LONGEST_GAP])))
    return bool(_JOINED.fullmatch(between))


def is_half_a_list(passage: str, answer: Answer) -> bool:
    """Whether an answer is one of several things that stand side by side, as in "A and B"."""
    return any(
        not other.overlaps(answer) and _is_listed(passage, answer, other)
        for other in propose_answers(passage)
        if other.kind not in CLAUSE_KINDS
    )


def _in_form_of(model: str, begins: bool, passage: str, other: Answer) -> str:
    """Another answer of a passage with preposition, article and capital as the model has them,
    which may begin its sentence."""
    own_text = spaced(other.text)
    lead, own = _LEAD.match(model), _LEAD.match(own_text)
    assert lead and own  # both may be empty
    text = own_text[own.end() :]
    first, _, rest = text.partition(" ")
    is_common = (usual_tag(first.lower()) or "")[:2] in {"NN", "JJ", "VB"} and rest == rest.lower()
    if is_common and _begins_sentence(passage, other) and first.lower() not in MONTHS:
        text = text[:1].lower() + text[1:]
        if first.isupper() and len(first) > 1:
            text = f"{first} {rest}".strip()
    is_name = text[:1].isupper()
    beside_name = _is_name(model) and not is_name
    if lead["determiner"] or beside_name:
        before = _OWN_DETERMINER.search(passage[: other.start])
        determiner = own["determiner"] or (f"{before[0].strip()} " if before else "")
        text = with_article(determiner.lower() + text)
    text = (lead["preposition"] or "").lower() + text
    capital = model[:1].isupper() and (begins or is_name) and not beside_name
    return capitalized(text) if capital else text


def _thing_in_form_of(model: str, begins: bool, thing: str, proper: bool) -> str | None:
    """A thing of the lexicon with preposition, article, capital and number as the model has them,
    which may begin its sentence; ``None`` for a name beside a common noun, or the other way
    round."""
    lead, own = _LEAD.match(model), _LEAD.match(thing)
    assert lead and own
    text = thing[own.end() :] if own["determiner"] else thing
    words = text.split()
    if not words:
        return None
    if proper:
        if not all(word[:1].isupper() or word in _SMALL for word in words):
            return None
        if lead["determiner"] and (own["determiner"] or _in_lexicon(words[-1])):
            text = with_article(lead["determiner"].lower() + text)
    else:
        if text != text.lower():
            if not all(map(_in_lexicon, words)):
                return None
            text = " ".join(word if word.isupper() else word.lower() for word in words)
        if _OF_SEVERAL.match(text) and (lead["determiner"] or "").lower().strip() in {"a", "an"}:
            return None  # "a several yards" beside "a few miles"
        if is_plural(_bare(model)) != is_plural(text):
            text = _plural(text) if is_plural(_bare(model)) else _singular(text) or text
        text = with_article((lead["determiner"] or "").lower() + text)
    text = (lead["preposition"] or "").lower() + text
    return capitalized(text) if model[:1].isupper() and (begins or proper) else text


_OF_SEVERAL = re.compile(
    r"(?:several|many|some|all|both|most|two|three|four|five|six|seven|eight|nine|ten|\d)\b", re.I
)
"""What no "a" stands before."""
_SMALL = frozenset("of the and de la le von van der du di da for in on".split())
"""Words without a capital in names."""


def _in_lexicon(word: str) -> bool:
    """Whether a word is in the lexicon in lower case: a common one, whatever its capital."""
    tag = usual_tag(word.lower())
    return bool(tag) and not str(tag).startswith("NNP")


def _bare(text: str) -> str:
    """Without preposition and article at its beginning."""
    return _LEAD.sub("", text, count=1)


def _is_name(text: str) -> bool:
    """Whether a text begins with a capital that is not only the article's or the sentence's, as in
    "Honey bees"."""
    return text[:1].isupper() and _bare(text) == text and text.split()[-1][:1].isupper()
