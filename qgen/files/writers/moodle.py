"""Moodle's formats: GIFT, Moodle XML and Aiken, as Moodle's own importers read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from qgen.files.writers.questions import Item, as_references, items, no_answer, no_choices, usable

# -- GIFT ------------------------------------------------------------------------------------------


def write_gift(records: Iterable[dict], path: Path) -> Counter[str]:
    """GIFT: a short-answer, multiple-choice or true-false question each, or one with a gap.

    The row's other fields are comments; the evidence is the general feedback.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in items(records):
            for name, value in item.fields.items():
                file.write(f"// {name}: {value}\n")
            file.write(f"::{_escaped(item.name)}::[plain]{_gift_question(item)}\n\n")
    return Counter()


def _gift_question(item: Item) -> str:
    if item.type == "true-false":
        answers = "TRUE" if item.is_true else "FALSE"
    elif item.wrong:
        # In their own order: not all that read GIFT shuffle them.
        answers = " ".join(
            f"{'=' if choice == item.answer else '~'}{_gift_choice(choice)}"
            for choice in item.choices
        )
    else:
        answers = f"={_gift_answer(item.answer)}" if item.answer else ""
    if item.evidence and answers:
        answers += f"####{_escaped(item.evidence)}"
    block = f"{{{answers}}}"
    if item.type == "cloze":
        before, after = item.blank
        if after:  # Moodle writes the gap itself, but not at the end
            return f"{_escaped(before)}{block}{_escaped(after)}"
    return f"{_escaped(item.text)} {block}"


def _gift_answer(text: str) -> str:
    """A short answer, in which "*" means any characters."""
    # "->" would make it a matching question, and has no escape; but a pattern can have any
    # characters, or none, in between.
    return _with_format(_escaped(text).replace("*", "\\*").replace("->", "-*>"))


def _gift_choice(text: str) -> str:
    return _with_format(_escaped(text).replace("->", "→"))


def _with_format(escaped: str) -> str:
    """With its format in front, if it begins as a format ("[html]") or a weight ("%50%") does."""
    return f"[plain]{escaped}" if escaped.startswith(("[", "%")) else escaped


def _escaped(text: str) -> str:
    """With GIFT's control characters escaped."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", text)


# -- Moodle XML ------------------------------------------------------------------------------------


_ID_LENGTH = 100
"""Most characters of an ID number; one that is longer ends Moodle's import of the whole file."""


def write_moodle_xml(records: Iterable[dict], path: Path) -> Counter[str]:
    """Moodle XML: a short-answer, multiple-choice, true-false or cloze question each; all texts but
    those of cloze questions are plain ones."""
    left_out: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n')
        for item in usable(records, left_out, no_answer):
            question = _xml_question(item)
            ET.indent(question)
            file.write(ET.tostring(question, encoding="unicode") + "\n")
        file.write("</quiz>\n")
    return left_out


def _xml_question(item: Item) -> ET.Element:
    kind = "shortanswer"
    if item.type == "cloze":
        kind = "cloze"
    elif item.type == "true-false":
        kind = "truefalse"
    elif item.wrong:
        kind = "multichoice"
    question = ET.Element("question", type=kind)
    _text_in(question, "name", item.name)
    if kind == "cloze":
        _text_in(question, "questiontext", _cloze(item), format="html")
    else:
        _text_in(question, "questiontext", item.text, format="plain_text")
    _text_in(question, "generalfeedback", item.evidence, format="plain_text")
    settings = {"defaultgrade": "1.0", "penalty": "0.3333333", "hidden": "0"}
    settings["idnumber"] = item.id if len(item.id) <= _ID_LENGTH else ""  # the name has it, too
    if kind == "truefalse":
        settings["penalty"] = "1.0"
    if kind == "shortanswer":
        settings["usecase"] = "0"
    if kind == "multichoice":
        settings |= {"single": "true", "shuffleanswers": "true", "answernumbering": "abc"}
    for name, value in settings.items():
        ET.SubElement(question, name).text = value
    if kind == "shortanswer":  # a pattern, in which "*" means any characters
        _xml_answer(question, item.answer.replace("*", "\\*"), 100, "moodle_auto_format")
    elif kind == "multichoice":
        for choice in item.choices:
            _xml_answer(question, choice, 100 * (choice == item.answer), "plain_text")
    elif kind == "truefalse":
        for choice in ("true", "false"):
            right = (choice == "true") == item.is_true
            _xml_answer(question, choice, 100 * right, "moodle_auto_format")
    return question


def _xml_answer(question: ET.Element, text: str, fraction: int, format: str) -> None:
    answer = _text_in(question, "answer", text, fraction=str(fraction), format=format)
    _text_in(answer, "feedback", "", format="plain_text")


def _text_in(parent: ET.Element, name: str, text: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    ET.SubElement(element, "text").text = text
    return element


def _cloze(item: Item) -> str:
    """The text with the answers in place of the gap, as HTML."""
    before, after = item.blank
    if item.wrong:  # in their own order, since Moodle does not shuffle these
        choices = "~".join(
            f"{'=' * (choice == item.answer)}{_entities(choice)}" for choice in item.choices
        )
        gap = f"{{1:MULTICHOICE:{choices}}}"
    else:
        pattern = item.answer.replace("*", "\\*")
        gap = f"{{1:SHORTANSWER:={_entities(pattern)}}}"
    return f"<p>{_entities(before)}{gap}{_entities(after)}</p>"


def _entities(text: str) -> str:
    """With character references for all that HTML or the cloze syntax could take for its own."""
    return as_references(r"[&<>\"'{}~#=%\\/:*]", text)


# -- Aiken -----------------------------------------------------------------------------------------


def write_aiken(records: Iterable[dict], path: Path) -> Counter[str]:
    """Aiken, which has nothing but choices and which of them is right."""
    left_out: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in usable(records, left_out, no_choices):
            lines = [_aiken_question(item.text)]
            lines += [f"{letter}) {choice}" for choice, letter in item.letters.items()]
            lines += [f"ANSWER: {item.letters[item.answer]}", ""]
            file.write("\n".join(lines) + "\n")
    return left_out


def _aiken_question(text: str) -> str:
    """A question that is not taken for a choice ("A. Smith") or an answer: a space that does not
    break keeps the importer away."""
    text = re.sub(r"^([A-Za-z][.)]) ", "\\1\N{NO-BREAK SPACE}", text)
    return re.sub(r"^(ANSWER):", "\\1\N{NO-BREAK SPACE}:", text)
