"""Clauses of a passage that say why, how, in what case, despite what or with what outcome.

They begin as most answers of SQuAD and SQuADShifts do: a reason, a contrast and an outcome without
their conjunction, a purpose with its "to", a manner with its "by", a condition with its "if".
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from qgen.english.dictionary import is_base_verb
from qgen.english.passage import Passage, Token
from qgen.english.words import WORD
from qgen.records import Answer

_SUBJECT = (
    r"(?=(?:he|she|it|they|we|i|you|there|this|that|these|those|the|an?|his|her|their|its|our|my|"
    r"your|no|some|many|most|all|people)\b)"
)
_SAYS = (
    r"(?:\w+ ){1,3}?(?:say|says|said|show|shows|showed|note|notes|noted|put|puts|"
    r"(?:is|was|are|were) (?:\w+ )?(?:known|called|said|shown|seen))\b"
)
"""What gives a source or another name behind an "as", and no reason."""
_BEGINS = r"(?:^|[,;:(]\s*(?:and |but )?|\b(?:and|but|that) )"


@dataclass(frozen=True)
class _Cue:
    """What a clause is known by; in the pattern the answer begins at the group ``answer``.

    Attributes:
        kind: of the answer.
        pattern: looked for in a sentence.
        clause: whether the answer has a verb of its own; otherwise it ends before the next verb.
    """

    kind: str
    pattern: re.Pattern
    clause: bool = True


def _cue(kind: str, pattern: str, clause: bool = True) -> _Cue:
    return _Cue(kind, re.compile(pattern, re.I), clause)


_CUES = (
    _cue("reason", r"\bbecause (?!of\b)(?P<answer>)"),
    _cue("reason", rf"{_BEGINS}(?:since|given that) (?P<answer>){_SUBJECT}"),
    _cue("reason", rf", as (?P<answer>){_SUBJECT}(?!{_SAYS})"),
    _cue("reason", r", for (?P<answer>)(?=(?:he|she|it|they|we|i|you|there)\b)"),
    _cue(
        "reason",
        r"\b(?:because of|due to|owing to|thanks to|as a result of|on account of) (?P<answer>)",
        clause=False,
    ),
    _cue("purpose", r"\b(?:in order|so as) (?P<answer>)to "),
    _cue("purpose", r"(?P<answer>)\bso that "),
    _cue("purpose", r"^(?P<answer>)To (?=[a-z]+ )"),
    _cue("manner", r"(?P<answer>)\bby (?:not |\w+ly )?\w+ing\b"),
    _cue("manner", r"(?P<answer>)\b(?:through|via|by means of|using) (?=\w)", clause=False),
    _cue("condition", rf"{_BEGINS}?(?<!as )(?P<answer>)\b(?:if|unless|provided that|as long as) "),
    _cue("contrast", r"\b(?<!as )(?:although|even though|though|whereas) (?P<answer>)"),
    _cue("contrast", r"\b(?:despite|in spite of) (?P<answer>)", clause=False),
    _cue("outcome", r"\bso (?:\w+ ){1,3}?that (?P<answer>)"),
    _cue("outcome", r"\b(?:therefore|consequently|hence),? (?P<answer>)"),
    _cue("outcome", r"\bas a (?:result|consequence),? (?P<answer>)(?!of)"),
    _cue("outcome", rf", so (?P<answer>){_SUBJECT}(?!that\b)"),
)
_INFINITIVE = _cue("purpose", r"(?P<answer>)\bto ")
"""Only where no verb, noun or adjective before it asks for one."""
_WHETHER = re.compile(
    r"\b(?:(?:ask|asks|asked|asking)(?: (?:(?:his|her|their|the|my|our|your|an?) )?\w+)?|know|"
    r"knows|knew|known|unknown|unclear|uncertain|wonder\w*|see|tell|check\w*|sure|decide\w*|even|only|"
    r"what|determine\w*|doubt\w*|matter) $",
    re.I,
)
"""Before an "if" that is no condition of its own."""
_USED = frozenset(
    "used built designed made created established formed founded introduced developed held added "
    "adopted needed required employed sent written passed".split()
)
_TAKES_TO = frozenset(
    "ability attempt attempts right decision way ways opportunity effort efforts chance power "
    "desire plan plans refusal failure tendency willingness reason time need first second third "
    "last only order permission capacity potential freedom agreement obligation duty intention "
    "proposal promise license access due according up something nothing anything thing things "
    "place is was are were person man people able".split()
)
"""What an infinitive behind it completes, and gives no purpose of."""
_TAKES_OBJECT = frozenset(
    "want wants wanted ask asks asked tell tells told allow allows allowed allowing enable "
    "enables enabled enabling cause causes caused causing force forces forced order ordered "
    "require requires required expect expects expected lead leads led encourage encourages "
    "encouraged persuade persuaded permit permits permitted invite invited urge urged convince "
    "convinced get gets got help helps helped believe believed consider considered try tries "
    "tried begin began begun start started continue continued seem seems seemed have has had like "
    "likes liked need needs from".split()
)
_STOP = re.compile(r"[;:—()\[\]\"“”]| [–-] |\s(?=(?:because|although|unless|whereas|so that)\b)")
_COMMA = re.compile(r",(?=\s)(?!\s+(?:\w+,\s|\w+ (?:and|or) |and \w+[,.]|\d))")
_NEXT = re.compile(rf", (?:(?:and|but|so|or) {_SUBJECT}|which\b|who\b|where\b|while\b)", re.I)
"""A comma behind which a new clause begins."""
_OPEN = re.compile(r"[ ,](?:and|or|but|however|of|in|the|an?|to|that|which)$", re.I)
_MOST = 30
"""Words of an answer, at most.  A round number; no measurement is recorded."""
_BEFORE_IF, _BEHIND = 40, 60
"""Characters that :data:`_WHETHER` looks at, and that the patterns of an end look ahead: without a
bound the time of a long sentence grows with its square."""


def propose_clauses(text: str) -> list[Answer]:
    """Clauses of a passage that may be asked for, in the order they stand.

    Where it is not clear at which comma a clause ends, it comes in both lengths.

    Returns:
        Spans of the kinds of :data:`qgen.settings.CLAUSE_KINDS`.
    """
    passage = Passage.of(text)
    found: dict[tuple[int, int], str] = {}
    for (begin, end), tokens in zip(passage.sentences, passage.tokens, strict=True):
        sentence = text[begin:end]
        verbs = [t.start - begin for t in tokens if t.tag.startswith(("VB", "MD"))]
        finite = [t.start - begin for t in tokens if t.tag in {"VBD", "VBZ", "VBP", "MD"}]
        for cue, start in _starts(text, begin, sentence, tokens):
            for stop in _ends(cue, sentence, start - begin, verbs, finite):
                found.setdefault((start, begin + stop), cue.kind)
    return [Answer(text[a:b], a, kind) for (a, b), kind in sorted(found.items())]


def _starts(
    text: str, begin: int, sentence: str, tokens: list[Token]
) -> Iterator[tuple[_Cue, int]]:
    """The offset of each answer of a sentence, and what it is known by."""
    verbs = {
        token.start - begin
        for token in tokens
        if token.tag in {"VB", "VBP", "JJ"} and is_base_verb(text[token.start : token.end].lower())
    }
    for cue in _CUES:
        for match in cue.pattern.finditer(sentence):
            at = match.start("answer")
            if cue.kind == "condition" and _WHETHER.search(sentence[max(0, at - _BEFORE_IF) : at]):
                continue
            if cue.kind == "purpose" and at == 0 and "," not in sentence:
                continue  # "To err is human"
            if not cue.clause and at in verbs:
                continue  # "due to open"
            yield cue, begin + at
    words = [text[token.start : token.end].lower() for token in tokens]
    for i in range(2, len(tokens) - 1):
        verb = tokens[i + 1].tag.startswith("VB") and is_base_verb(words[i + 1])
        if words[i] != "to" or not verb:  # not "commitment to reducing"
            continue
        behind = tokens[i - 1].tag.startswith(("NN", "PRP")) or words[i - 1] in _USED
        completes = (
            words[i - 1] in _TAKES_TO
            or "for" in words[max(0, i - 4) : i - 1]  # "difficult for drugs to cross"
            or _TAKES_OBJECT & set(words[max(0, i - 6) : i - 1])
        )
        if behind and not completes:
            yield _INFINITIVE, tokens[i].start


def _ends(
    cue: _Cue, sentence: str, start: int, verbs: list[int], finite: list[int]
) -> Iterator[int]:
    """Where in its sentence the answer may end; verbs are given by their places in it."""
    whole = len(sentence.rstrip(" \n.!?\"”')"))
    too_far = next(islice(WORD.finditer(sentence, start), _MOST, None), None)
    if too_far:
        whole = min(whole, too_far.end() + _BEHIND)
    stop = _STOP.search(sentence, start + 1, whole)
    whole = stop.start() if stop else whole
    comma = _COMMA.search(sentence, start, whole)
    commas = [comma.start()] if comma else []
    # Where no verb stands before it, the main clause is still to come.
    front = cue.kind != "outcome" and not (verbs and verbs[0] < start)
    at_comma = front or (commas and _NEXT.match(sentence, commas[0]))
    ends = commas if at_comma else [*commas, whole]
    if not cue.clause and not front:
        behind = bisect_right(finite, start)
        ends = [min([end, *finite[behind : behind + 1]]) for end in ends]
    for end in dict.fromkeys(ends):
        answer = sentence[start:end].rstrip(" ,")
        has_verb = bisect_left(verbs, start) < bisect_left(verbs, end)
        few = 3 if cue.clause else 2
        whole_one = has_verb or not cue.clause
        if whole_one and few <= len(WORD.findall(answer)) <= _MOST and not _OPEN.search(answer):
            yield start + len(answer)
