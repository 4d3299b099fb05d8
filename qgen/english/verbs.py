"""The verb forms that English asks for after "did", "should" or "who", set right in a question.

A small model takes a verb from its passage and often leaves it as it stands there: "What did the
class planted?"  TextBlob's lexicon tagger tags; lemminflect, with its dictionary, inflects.
"""

from __future__ import annotations

import re

from qgen.english.dictionary import base_forms, inflections, is_base_verb, tag_words
from qgen.english.words import MODALS, WORD

_DO_AND_MODALS = frozenset({"do", "does", "did", *MODALS})
_CLAUSE = frozenset(
    "when while that which who whom whoever whatever because if until before after since where as "
    "than to , ; ? :".split()
)
"""Where a clause ends, and with it what its auxiliary says about verbs."""
_NOUN_FOLLOWS = frozenset({"CD", "DT", "IN", "PRP$", "TO"})
_ASKS_FOR_THING = frozenset({"what", "which", "who", "whom", "whose"})
_BE_DO_HAVE = frozenset("am are be been being do had has have is was were".split())


def correct_verbs(question: str) -> str:
    """The question with the verb that belongs to its first auxiliary in the form that this asks
    for; the same question where nothing is wrong, or it is not clear what is.

    After "do" and the modal verbs that is the base form ("What did the class plant?"), after a
    modal verb and "be" the participle ("should the beans be sown"), and after a "who" at the very
    beginning no participle ("Who wrote", not "Who written").
    """
    found = list(re.finditer(rf"{WORD.pattern}|\d[\d.,]*|[^\w\s]", question))
    words = [match[0].lower() for match in found]
    if not words:
        return question
    shouted = question.isupper()  # in which the tagger would find nothing but names
    wrong = _wrong_verb(words, tag_words(words if shouted else [match[0] for match in found]))
    if not wrong:
        return question
    i, form = wrong
    form = form.upper() if shouted else form
    return question[: found[i].start()] + form + question[found[i].end() :]


def _wrong_verb(words: list[str], tags: list[str]) -> tuple[int, str] | None:
    """Which word has a wrong form, and the right one."""
    if words[0] == "who" and len(words) > 1 and tags[1] == "VBN":
        past = _forms(_lemma(words[1]), "VBD")
        return (1, past[0]) if past and words[1] not in past else None
    first = next((i for i in range(len(words)) if _is_auxiliary(words, tags, i)), None)
    if first is None:
        return None
    end = first + 2
    while end < len(words) and words[end] not in _CLAUSE:
        end += 1
    clause = range(first + 1, min(end, len(words)))
    if words[first] in MODALS and "be" in words[first + 1 : end]:
        return _participle(words, tags, words.index("be", first) + 1)
    if any(_is_right(words, tags, i) for i in clause) or _ends_in_base(words, tags, clause):
        return None
    if _ends_in_base(words, tags, range(first + 1, len(words) - (words[-1] == "?"))):
        return None  # "How did the man known as Rasputin die?"
    verbs = [i for i in clause[1:] if _is_finite(words, tags, i)]
    return (verbs[-1], _lemma(words[verbs[-1]])) if verbs else None


def _is_auxiliary(words: list[str], tags: list[str], i: int) -> bool:
    """Whether a word is one of the question's, and not "the will" or "the men who did tasks"."""
    noun = i > 0 and tags[i - 1] in _NOUN_FOLLOWS
    relative = i > 1 and words[i - 1] in {"who", "which", "that"}
    return words[i] in _DO_AND_MODALS and not noun and not relative


def _is_right(words: list[str], tags: list[str], i: int) -> bool:
    """Whether a word is a verb that an auxiliary may have, or speaks for another reading."""
    if words[i] in _BE_DO_HAVE or tags[i] in {"VB", "VBP"}:
        return True
    return tags[i - 1] == "PRP" and is_base_verb(words[i])  # "should you slide"


def _ends_in_base(words: list[str], tags: list[str], clause: range) -> bool:
    """Whether a clause of several words ends in a base form, but for prepositions: "did the man
    called Bob cost", where the tagger takes "cost" for a noun."""
    inside = [i for i in clause if tags[i] not in {"IN", "TO", "RP"}]
    last = inside[-1] if inside else 0
    noun = tags[last - 1] in _NOUN_FOLLOWS | {"JJ", "VBG"}  # "the signing certificate"
    noun = noun and not (tags[last - 1] == "CD" and tags[last - 2] == "IN")  # "in 1965 cost"
    return len(inside) > 1 and is_base_verb(words[last]) and not noun


def _is_finite(words: list[str], tags: list[str], i: int) -> bool:
    """Whether a word is an inflected verb with a subject before it, and not "the sampled rocks" or
    "on the left"."""
    return (
        tags[i] in {"VBD", "VBN", "VBZ"}
        and bool(_lemma(words[i]))
        and tags[i - 1] not in _NOUN_FOLLOWS
        and (i + 1 == len(tags) or tags[i + 1] not in {"NN", "NNS", "JJ"})
    )


def _participle(words: list[str], tags: list[str], i: int) -> tuple[int, str] | None:
    """What is wrong with a word behind "be"."""
    # "ground" is of "grind", too
    if i >= len(words) or set(base_forms(words[i], "VERB")) != {words[i]}:
        return None
    # What is asked for by "how" or "where" is no noun there: "How many eggs should be whisk?"
    noun = words[0] in _ASKS_FOR_THING or words[i - 2] in {"it", "there"}
    adjective = bool(base_forms(words[i], "ADJ"))  # the tagger takes "bake" for one
    if tags[i] not in {"VB", "VBP"} and (noun or adjective or tags[i] not in {"NN", "NNP", "JJ"}):
        return None
    participles = _forms(words[i], "VBN") or _forms(words[i], "VBD")
    return (i, participles[0]) if participles and words[i] not in participles else None


def _lemma(word: str) -> str:
    """The base form of an inflected verb; nothing for a word that is a base form itself."""
    verbs = base_forms(word, "VERB")
    return verbs[0] if verbs and word not in verbs else ""


def _forms(lemma: str, tag: str) -> tuple[str, ...]:
    """The inflected forms of a verb, usually one; none for what is no verb."""
    return inflections(lemma, "VERB").get(tag, ()) if lemma else ()
