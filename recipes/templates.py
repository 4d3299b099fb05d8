"""Sentences with gaps, for what is rarely asked for: codes, phone numbers, scores, levels, ranks,
negations, hedges and instructions.

Each template is a sentence and a question; the answer is the gap marked ``{=...}`` or, where the
sentence begins with it (``{^...}``, with a capital), the gap named after them.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable

from qgen.records import Answer, Example

Draw = random.Random

_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]


def rare_name(draw: Draw) -> str:
    """A name that nobody bears, such as "Kovaruth"."""
    return "".join(draw.choices(_SYLLABLES, k=draw.randint(2, 4))).capitalize() + draw.choice(
        ["", "", "n", "r", "th", "sk"]
    )


def code(draw: Draw) -> str:
    """A code, such as "XR-4471B"."""

    def some(characters: str, least: int, most: int) -> str:
        return "".join(draw.choices(characters, k=draw.randint(least, most)))

    letters, digits = some(string.ascii_uppercase, 1, 4), some(string.digits, 2, 5)
    word = rare_name(draw)
    return draw.choice(
        [f"{letters}-{digits}", f"{letters}{digits}", f"{letters}-{digits}{letters[0]}",
         f"{word}{digits}", f"{word}-{digits[:2]}"]
    )  # fmt: skip


def _phone(draw: Draw) -> str:
    a, b, c = draw.randint(200, 989), draw.randint(100, 999), draw.randint(1000, 9999)
    return draw.choice([f"{a}-{b}-{c}", f"({a}) {b}-{c}", f"1-800-{b}-{c}", f"0{a} {b}{c}", f"{a}"])


def _some(*words: str) -> Callable[[Draw], str]:
    return lambda draw: draw.choice(words)


_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth 12th 23rd".split()
_NAMES = "Ana Dmitri Fatima Grace Hiro Ines Jonas Kwame Lucia Marek Nadia Omar Priya Rosa Tomas"

GAPS: dict[str, Callable[[Draw], str]] = {
    "name": lambda draw: f"{draw.choice(_NAMES.split())} {rare_name(draw)}",
    "other": lambda draw: f"{draw.choice(_NAMES.split())} {rare_name(draw)}",
    "place": lambda draw: rare_name(draw),
    "town": lambda draw: draw.choice(["", "", "Port ", "North ", "Lake "]) + rare_name(draw),
    "code": code,
    "product": lambda draw: (
        f"{rare_name(draw)} {draw.choice(['', 'Pro ', ''])}{draw.randint(2, 900)}"
    ),
    "team": lambda draw: (
        f"the {rare_name(draw)} {draw.choice(['Rovers', 'Hawks', 'Bears', 'United'])}"
    ),
    "rivals": lambda draw: f"the {rare_name(draw)} {draw.choice(['Tigers', 'Comets', 'Kings'])}",
    "phone": _phone,
    "score": lambda draw: f"{draw.randint(0, 9)}{draw.choice('-–')}{draw.randint(0, 9)}",
    "points": lambda draw: f"{draw.randint(60, 120)} to {draw.randint(40, 59)}",
    "ordinal": lambda draw: draw.choice(_ORDINALS),
    "small": lambda draw: str(draw.randint(2, 30)),
    "number": lambda draw: str(draw.randint(31, 990)),
    "large": lambda draw: f"{draw.randint(1, 90)},{draw.randint(0, 999):03}",
    "version": lambda draw: f"{draw.randint(1, 14)}.{draw.randint(0, 9)}.{draw.randint(0, 9)}",
    "price": lambda draw: f"${draw.randint(3, 900)}",
    "percent": lambda draw: f"{draw.randint(2, 98)} percent",
    "hotline": _some("crisis line", "tenants' hotline", "help desk", "poison centre", "front desk"),
    "event": _some("final", "relay", "regional cup", "spelling contest", "marathon", "chess open"),
    "topic": _some("pets", "late payment", "noise", "refunds", "subletting", "overtime", "parking"),
    "paper": _some("lease", "contract", "handbook", "warranty", "policy", "by-laws"),
    "part": _some(
        "filter", "valve", "drain hose", "belt", "fuse", "mounting bracket", "water pump"
    ),
    "tool": _some("a hex key", "a damp cloth", "a torque wrench", "a soft brush", "pliers"),
    "stuff": _some(
        "bleach", "hot water", "steel wool", "detergent with softener", "compressed air"
    ),
    "surface": _some(
        "the lens", "the stone counter", "the display", "the wooden handle", "the seal"
    ),
    "thing": _some("the cape", "the second map", "the fishing rod", "the night shift", "archery"),
    "hedge": _some("about", "more than", "nearly", "at least", "almost", "fewer than", "up to"),
    "people": _some("visitors", "nurses", "students", "beekeepers", "commuters", "volunteers"),
    "verb": _some(
        "signed the petition", "attended the meeting", "took the survey", "joined the walk"
    ),
    "minutes": lambda draw: f"{draw.randint(2, 55)} minutes",
    "form": lambda draw: f"Form {code(draw)}",
    "office": _some("the tax office", "the registrar", "your landlord", "the clinic", "the school"),
}
"""What fills a gap."""

TEMPLATES = [
    tuple(block.split("\n"))
    for block in """\
The {hotline} can be reached at {=phone}.
At what number can the {hotline} be reached?

Call the {hotline} at {=phone} at any hour.
What number should you call to reach the {hotline}?

The phone number of {town}'s {hotline} is {=phone}.
What is the phone number of {town}'s {hotline}?

To speak to {name}, dial extension {=number}.
Which extension should you dial to speak to {name}?

{^team} beat {rivals} {=score} in the {event}.
By what score did {team} beat {rivals} in the {event}?

{^team} won the {event} against {rivals} by {=points}.
By what score did {team} win the {event} against {rivals}?

The {event} between {team} and {rivals} ended {=score}.
What was the score of the {event} between {team} and {rivals}?

{name} came {=ordinal} in the {event}, behind {other}.
In what place did {name} come in the {event}?

{name} finished {=ordinal} in the {event}.
What place did {name} finish in at the {event}?

{other} lost to {=name} in the {event}.
To whom did {other} lose in the {event}?

{other} lost to {name} in the {event}.
Who lost to {name} in the {event}?
other

Players unlock {thing} at level {=small}.
At what level do players unlock {thing}?

{name} reached level {=small} before {other} did.
What level did {name} reach before {other} did?

The {people} meet in room {=code}.
In which room do the {people} meet?

Bus {=small} goes from {town} to {place}.
Which bus goes from {town} to {place}?

Flight {=code} to {town} leaves from gate {small}.
Which flight leaves from gate {small}?

Flight {code} to {town} leaves from gate {=small}.
From which gate does flight {code} to {town} leave?

Version {=version} of {product} fixed the problem with the {part}.
Which version of {product} fixed the problem with the {part}?

The {product} shows the code {=code} when the {part} is blocked.
What code does the {product} show when the {part} is blocked?

The {product} shows the code {code} when {=the part} is blocked.
What is blocked when the {product} shows the code {code}?

The part number of the {part} is {=code}.
What is the part number of the {part}?

{^code} was discovered near {town} by {=name}.
Who discovered {code} near {town}?

Asteroid {=code} was discovered by {name}.
Which asteroid was discovered by {name}?

The model {code} weighs {=number} grams.
How much does the model {code} weigh?

The {product} was replaced by the {=code} after a year.
What was the {product} replaced by after a year?

Section {=small} of the {paper} deals with {topic}.
Which section of the {paper} deals with {topic}?

The rules on {topic} are on page {=number} of the {paper}.
On which page of the {paper} are the rules on {topic}?

Send {=form} to {office} before the end of the month.
Which form should you send to {office} before the end of the month?

Send {form} to {=office} before the end of the month.
Where should you send {form} before the end of the month?

Do not use {=stuff} on {surface}.
What should you not use on {surface}?

Never clean {=surface} with {stuff}.
What should you never clean with {stuff}?

{^name} did not sign the {paper}; {other} did.
Who did not sign the {paper}?
name

The {paper} does not cover {=topic}.
What does the {paper} not cover?

Neither {=name nor other} had read the {paper}.
Who had not read the {paper}?

{=name and other} repaired the {part} together.
Who repaired the {part} together?

Tighten the {part} with {=tool}.
What should you tighten the {part} with?

Before you remove the {part}, {=unplug the product}.
What should you do before you remove the {part}?

Wait {=minutes} before you open the {part}.
How long should you wait before you open the {part}?

{^hedge large} {people} {verb}.
How many {people} {verb}?
hedge large

{^hedge percent} of the {people} {verb}.
What percentage of the {people} {verb}?
hedge percent

The {product} costs {=hedge price} in {town}.
How much does the {product} cost in {town}?

Channel {=small} carries the {event}.
Which channel carries the {event}?

{name} wears number {=small} for {team}.
What number does {name} wear for {team}?

{name}'s locker is number {=number}.
What is the number of {name}'s locker?

The password for {place} is {=code}.
What is the password for {place}?

The order number {=code} was given to {name}.
Which order number was given to {name}?

Ticket {code} belongs to {=name}.
To whom does ticket {code} belong?

The storm was rated category {=small} when it reached {town}.
What category was the storm rated when it reached {town}?""".split("\n\n")
]
"""Sentence, question and, where the sentence begins with the answer, its gap."""

_GAP = re.compile(r"\{([=^]?)([^}]+)\}")
_GAP_NAMES = re.compile(r"[a-z]+")


def fill(draw: Draw, sentences: int = 4) -> Example:
    """A passage of so many filled templates at most, and a question for one of them.

    Args:
        draw: chooses templates and fillings.
        sentences: most templates in the passage, all different.
    """
    chosen = draw.sample(TEMPLATES, draw.randint(1, sentences))
    asked = draw.randrange(len(chosen))
    texts, found = [], ("", "", "")
    for number, (sentence, question, *answer) in enumerate(chosen):
        values: dict[str, str] = {}
        text, marked = _filled(sentence, values, draw)
        texts.append(text)
        if number == asked:
            span = _plain(answer[0], values, draw) if answer else marked
            found = (text, span, _filled(question, values, draw)[0])
    before = " ".join(texts[:asked])
    text, span, question = found
    place = re.search(rf"(?<!\w){re.escape(span)}(?!\w)", text, re.I)
    assert place is not None
    start = len(before) + bool(before) + place.start()
    passage = " ".join(texts)
    return Example(passage, Answer(passage[start : start + len(span)], start), question)


def _filled(sentence: str, values: dict[str, str], draw: Draw) -> tuple[str, str]:
    """The sentence with its gaps filled, and what fills the marked one."""
    marked = ""

    def filling(gap: re.Match) -> str:
        nonlocal marked
        text = _plain(gap[2], values, draw)
        if gap[1] == "=":
            marked = text
        return text[0].upper() + text[1:] if gap[1] == "^" or gap.start() == 0 else text

    return _GAP.sub(filling, sentence), marked


def _plain(gap: str, values: dict[str, str], draw: Draw) -> str:
    """A gap's words, those that name a filling replaced by it, the same for the whole example."""

    def value(word: re.Match) -> str:
        name = word[0]
        if name in GAPS and name not in values:
            values[name] = GAPS[name](draw)
        return values.get(name, name)

    return _GAP_NAMES.sub(value, gap)
