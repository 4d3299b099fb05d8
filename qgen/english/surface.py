"""The spacing and the case of a question that a model wrote in lower-cased word pieces."""

from __future__ import annotations

import re

from qgen.english.dictionary import lemmas, usual_tag
from qgen.english.passage import Passage, once_a_passage
from qgen.english.words import INTERROGATIVES, PAIRS, PIECE, PIECE_OR_MARK, fold, marks_pair

_AROUND = "\"'‘’“”()[]{}.,;:?!…"
"""Marks round a word that are not part of it."""
_INITIALS = re.compile(r"\b\w\.(?: ?\w\.)+")
_USUAL = tuple(
    (re.compile(spaced), written)
    for spaced, written in (
        (r"(?<=\d) ([.:]) (?=\d)", r"\1"),  # 5.25, 8:30
        (r"(?<=\d) , (?=\d{3}\b)", ","),  # 1,200
        (r"\b(\w) \. (?=\w \.)", r"\1."),  # u.s.
        (r"\b(\w) & (?=\w\b)", r"\1&"),  # r&b
        (r"(?<=\w) ([-/–]) (?=\w)", r"\1"),  # e-commerce
        (r" (['’]) (?=(?:s|t|re|ve|ll|d|m)\b)", r"\1"),  # it's
        (r"(?<!['’] )\b([^\Wa]) (['’]) (?=\w)", r"\1\2"),  # o'brien
        (r"(?<!\S)(['’]) (?=\d0s\b)", r"\1"),  # the '60s
        (r"(?<=\d)(['’]\d{1,2}) \"", r'\1"'),  # 5'10"
        (r'" ([^"]*) "', r'"\1"'),
        (r"(?<= )' ([^']*) '(?= |$)", r"'\1'"),
        (r" (['’])(?= )", r"\1"),  # the plants' leaves
        (r" ([.,?!:;)\]}%’”…])", r"\1"),
        (r"([(\[{$£€#‘“]) ", r"\1"),
        (r"(?<=_) (?=_)", ""),  # a blank to fill in
    )
)
"""Where English has no space round a mark, the more special first."""

_FUNCTION = frozenset("CC DT EX IN PRP PRP$ TO WDT WP WRB".split())
"""Tags, in the tagger's lexicon, of words that are never names."""
_AFTER_KIND = frozenset("IN MD TO VBD VBN VBP VBZ".split())
"""Those of what may follow a noun that is not part of a longer one."""

Context = tuple[str, str, str]
"""A word between its neighbours, folded; "" for one that does not matter."""


def respace(text: str, passage: str = "") -> str:
    """Close up the spaces that joined word pieces have round punctuation.

    What the passage writes in one, such as ``24–10``, ``U.S.`` or ``-5``, is written so; everything
    else by the usual rules of English.

    Args:
        text: words and marks separated by single spaces, as BERT's basic tokenizer makes them.
        passage: the text the question is about.
    """
    written = _written_in_one(passage)
    if written:
        longest_first = sorted(written, key=len, reverse=True)
        known = re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})(?!\S)")
        text = known.sub(lambda match: written[match[0]], text)
    for spaced, usual in _USUAL:
        text = spaced.sub(usual, text)
    return text


@once_a_passage
def _written_in_one(passage: Passage) -> dict[str, str]:
    """What the passage writes of several words and marks without a space, by how it looks with
    spaces; and initials, which it may write with one."""
    text = fold(passage.text)
    found = [word.strip(_AROUND) for word in text.split()]
    found += [match[0] for match in _INITIALS.finditer(text)]
    parts = [(PIECE_OR_MARK.findall(word), word) for word in found]
    return {" ".join(pieces): word for pieces, word in parts if len(pieces) > 1}


def with_pairs(question: str) -> str:
    """The question with quotation marks and brackets in pairs.

    A small model loses one of two: what is opened is closed at the end, what is only closed goes,
    and so does a straight mark without another.  Of 57 judged questions with such marks 27 were
    usable for them alone.
    """
    if marks_pair(question):
        return question
    pieces = _MARK.split(question)
    closing: list[str] = []  # of what is open, the marks that are due
    for i in range(1, len(pieces), 2):
        mark, ahead = pieces[i], "".join(pieces[i + 1 :])
        if mark in _CLOSING:
            closing.append(_CLOSING[mark])
            pieces[i + 1] = pieces[i + 1].lstrip()
        elif closing and (mark == closing[-1] or {mark, closing[-1]} <= {'"', "”"}):
            pieces[i - 1], pieces[i] = pieces[i - 1].rstrip(), closing.pop()
        elif mark == '"' and re.search('["”]', ahead):
            closing.append('"')
            pieces[i + 1] = pieces[i + 1].lstrip()
        elif not (mark == '"' and pieces[i - 1][-1:].isdigit()):  # not of inches
            pieces[i] = ""
    text = re.sub(r"\s+", " ", "".join(pieces)).strip()
    end = re.search(r"\s*[?.!]?\Z", text)
    assert end  # it may be empty
    due = "".join(reversed(closing))
    return re.sub(r" (?=[?.!,])", "", text[: end.start()] + due + end[0])


_CLOSING = dict(PAIRS)
_MARK = re.compile(r"([“”\"()\[\]])")


def with_articles(question: str) -> str:
    """The question with "a" and "an" as the next word is spoken, where its spelling tells.

    A small model leaves the word out that its passage has between them: "a employer".  Of 26,897
    judged questions 64 change, of which 24 were usable, half of them for that alone; of SQuAD's
    87,599, which people wrote, 52, of which 44 are right then and none was before.
    """
    return _WRONG_ARTICLE.sub(lambda found: "a" if len(found[0]) > 1 else "an", question)


_WRONG_ARTICLE = re.compile(
    r"(?<![\w'’.-])(?:"
    r"a(?= (?!e[uw]|onc?e\b|(?:is|are|and|or|as|at|in|if|on|of)\b)[aeio][a-z]+)|"
    r"an(?= (?!yt)[b-dfgj-np-tv-z](?=[a-z]*[aeiouy])[a-z]+\b(?!-)))"
)
"""What begins with "h" or "u", and what is read letter by letter, may go either way."""


def recase(question: str, passage: str) -> str:
    """Give a lower-cased question the passage's capitals and accents, and a capital at its start.

    A word takes the spelling that the passage uses for it beside the same neighbour, or else
    anywhere, if it is only one; a function word, which may be spelled as a name is ("the WHO", "the
    US"), only beside that neighbour, and a question word that comes first never.  The first word of
    a sentence counts only if it is a proper noun.
    In "Which war did it end?" there is none, though the passage has a "Thirty Years' War".
    """
    spellings = _spellings(passage)
    matches = list(PIECE.finditer(question))
    asked = [match.group() for match in matches]
    result, position = "", 0
    for i, match in enumerate(matches):
        known = [spellings.get(context, set()) for context in _contexts(matches, i)]
        if usual_tag(asked[i]) in _FUNCTION | {"MD"}:
            first = i == 0 and asked[i] in INTERROGATIVES
            beside = [any(context[::2]) and not first for context in _contexts(matches, i)]
            known = [s if fit else set() for s, fit in zip(known, beside, strict=True)]
        spelling = next((next(iter(s)) for s in known if len(s) == 1), match.group())
        if spelling.istitle() and len(known[0]) != 1 and _is_kind(asked, i):
            spelling = match.group()
        result += question[position : match.start()] + spelling
        position = match.end()
    result += question[position:]

    def initials(match: re.Match) -> str:
        upper = match.group().upper()
        return upper if upper in passage else match.group()

    result = re.sub(r"\b(?:\w\.){2,}", initials, result)
    result = re.sub(r"(?<![^\s\"“‘(])i(?=[ ,'’?]|$)", "I", result)
    return result[:1].upper() + result[1:]


@once_a_passage
def _spellings(passage: Passage) -> dict[Context, set[str]]:
    """How the passage spells each word, alone and beside its neighbours."""
    spellings: dict[Context, set[str]] = {}
    for tokens in passage.tokens:
        if not tokens or _is_shouted(passage.text[tokens[0].start : tokens[-1].end]):
            continue  # its capitals say nothing
        names = {token.start for token in tokens if token.tag.startswith("NNP")}
        found = list(PIECE.finditer(passage.text, tokens[0].start, tokens[-1].end))
        words = [match[0] for match in found]
        for i, match in enumerate(found):
            before = passage.text[tokens[0].start : match.start()]
            # The first word, in "Tom: Yes" too, has a capital anyway, as has what follows a full
            # stop without a space; "Marie Curie" and "Zoë" are names, "Rent" and "Whisk" are not.
            glued = before.endswith((".", "!", "?"))
            if match[0].istitle() and (i == 0 or glued or before.rstrip().endswith(":")):
                gap = passage.text[match.end() : found[i + 1].start()] if i + 1 < len(found) else ""
                full_name = gap in {" ", "-"} and words[i + 1][0].isupper() and not glued
                if not (glued or match.start() in names):
                    continue
                if _is_common(match[0].lower()) and not full_name:
                    continue
            for context in _contexts(found, i):
                spellings.setdefault(context, set()).add(match[0])
    return spellings


def _is_kind(asked: list[str], i: int) -> bool:
    """Whether a question's word says of what kind the answer is, as "war" in "which war did"."""
    if i == 0 or asked[i - 1] not in {"what", "which"}:
        return False
    # An inflected verb or a preposition follows, and no other noun: "which Apple watch".
    last = i + 1 == len(asked)
    return (last or usual_tag(asked[i + 1]) in _AFTER_KIND) and _is_common(asked[i])


def _is_common(word: str) -> bool:
    """Whether a lower-cased word is a common one, or a verb or a plural, which are seldom names.

    The tagger's lexicon alone has "maria", the inflector's dictionary alone "amir".
    """
    if usual_tag(word) in _FUNCTION:
        return True
    known = lemmas(word)
    verb, plural = word in known.get("VERB", ()), word not in known.get("NOUN", (word,))
    return bool(known) and (usual_tag(word) is not None or verb or plural)


def _is_shouted(text: str) -> bool:
    """Whether a sentence of several words is all in capitals."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    return len(words) > 2 and all(word.isupper() for word in words)


def _contexts(words: list[re.Match], i: int) -> list[Context]:
    """What to look word ``i`` of a text up by: with its left neighbour, with its right one, alone.
    What a comma parts is no neighbour."""

    def beside(j: int) -> str:
        if not 0 <= j < len(words):
            return ""
        first, second = words[min(i, j)], words[max(i, j)]
        gap = first.string[first.end() : second.start()]
        return "" if re.search("[,;:] ", gap) else fold(words[j][0])

    word = fold(words[i][0])
    return [(beside(i - 1), word, ""), ("", word, beside(i + 1)), ("", word, "")]
