"""Questions as quiz programs take them, out of the records of a batch."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from qgen.english.passage import sentence_spans
from qgen.files.fields import find_name, normal_name
from qgen.records import BLANK


@dataclass(frozen=True)
class Item:
    """A question as quiz programs take it; every text is one line without control characters.

    Attributes:
        name: what tells it apart, of the row's title and id, or its number.
        id: the row's own id, with the question's rank where the row has several; may be empty.
        text: the question; of a cloze question, with :data:`~qgen.records.BLANK`.
        answer: the right answer; empty where the question was asked without one.
        choices: the answer among wrong ones, if there are any; of a true-false question, both.
        type: "wh", "true-false" or "cloze".
        evidence: the passage's sentence that holds the answer; empty where none is known.
        fields: the row's other fields, title and id included.
    """

    name: str
    id: str
    text: str
    answer: str
    choices: tuple[str, ...]
    type: str
    evidence: str
    fields: dict[str, str]

    @property
    def wrong(self) -> list[str]:
        """The choices that are not the answer."""
        return [choice for choice in self.choices if choice != self.answer]

    @property
    def letters(self) -> dict[str, str]:
        """The choices in their order, each with its letter."""
        return dict(zip(self.choices, ascii_uppercase, strict=False))

    @property
    def is_true(self) -> bool:
        """What a true-false question's answer is."""
        return self.answer.lower() == "true"

    @property
    def blank(self) -> tuple[str, str]:
        """What stands before a cloze question's blank, and after it."""
        before, _, after = self.text.partition(BLANK)
        return before, after


def items(records: Iterable[dict]) -> Iterator[Item]:
    """The questions of all records, in order."""
    for number, record in enumerate(records, 1):
        questions = record["questions"]
        for rank, question in enumerate(questions, 1):
            yield _item(record, number, question, rank, len(questions))


def usable(
    records: Iterable[dict], left_out: Counter[str], problem: Callable[[Item], str]
) -> Iterator[Item]:
    """The questions that have no problem; the others are counted, each by its own."""
    for item in items(records):
        if why := problem(item):
            left_out[why] += 1
        else:
            yield item


def no_answer(item: Item) -> str:
    """The problem of formats that need an answer; empty where there is one."""
    return "" if item.answer else "without an answer"


def no_choices(item: Item) -> str:
    """The problem of formats that need choices; empty where there are some."""
    able = len(item.choices) > 1 and item.answer in item.choices
    return "" if able else "without choices (--choices finds some)"


def _item(record: dict, number: int, question: dict, rank: int, count: int) -> Item:
    answer = one_line(question["answer"] or "")
    kind = question.get("type") or "wh"
    choices = tuple(dict.fromkeys(one_line(choice) for choice in question.get("choices") or []))
    if choices and answer and answer not in choices:  # somebody has changed one of them
        same = (answer if choice.lower() == answer.lower() else choice for choice in choices)
        choices = tuple(dict.fromkeys(same))
        choices = choices if answer in choices else tuple(sorted((*choices, answer)))
    if kind == "true-false":
        choices = ("True", "False")
        answer = "True" if answer.lower() == "true" else "False"
    text = one_line(question["question"])
    if kind == "cloze" and BLANK not in text:  # nothing shows where the answer goes
        text = f"{text} {BLANK}"
    own_id = one_line(text_of(record, "id"))
    if own_id and count > 1:
        own_id = f"{own_id}.{rank}"
    title = title_of(record)
    return Item(
        name=", ".join(filter(None, (title, own_id or f"Q{number}.{rank}"))),
        id=own_id,
        text=text,
        answer=answer,
        choices=choices,
        type=kind,
        evidence=evidence(record["passage"], question),
        fields={one_line(name): one_line(as_text(v)) for name, v in fields(record).items()},
    )


def fields(record: dict) -> dict[str, Any]:
    """A record's fields that came from the input row."""
    return {name: value for name, value in record.items() if name not in ("passage", "questions")}


def text_of(record: dict, name: str) -> str:
    """One of the row's fields, whatever the case of its name; empty where there is none."""
    found = field_with_text(record, name)
    return "" if found is None else as_text(record[found])


def field_with_text(record: dict, name: str) -> str | None:
    """What the row calls one of its fields; of several whose names differ in case, one that is not
    empty."""
    same = [field for field in record if normal_name(field) == name]
    return find_name((field for field in same if one_line(as_text(record[field]))), (name,))


def title_of(record: dict) -> str:
    """The row's title, or the name of its document; empty where it has neither."""
    return one_line(text_of(record, "title")) or one_line(text_of(record, "document"))


def title_of_all(records: Iterable[dict]) -> str:
    """The title that all rows have; empty where they have several, or none."""
    titles = map(title_of, records)
    first = next(titles, "")
    return first if all(title == first for title in titles) else ""


def evidence(passage: str, question: dict) -> str:
    """The sentence, or sentences, of a passage that hold a question's answer, on one line."""
    if given := question.get("evidence"):
        return one_line(as_text(given))
    start = question.get("answer_start")
    if start is None:
        return ""
    end = start + max(1, len(question["answer"] or ""))
    if question.get("type") == "true-false":  # its answer is no part of the passage
        end = start + 1
    held = [(a, b) for a, b in sentence_spans(passage) if a < end and start < b]
    return one_line(passage[held[0][0] : held[-1][1]]) if held else ""


def as_text(value: Any) -> str:
    """A field's value as text: JSON where it is more than a text or a number."""
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def json_line(value: Any) -> str:
    """A line of JSONL."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def as_references(marks: str, text: str) -> str:
    """The text with character references of HTML for what the pattern ``marks`` finds."""
    return re.sub(marks, lambda match: f"&#{ord(match[0])};", text)


def one_line(text: str) -> str:
    """The text on one line, each run of white space as one space, without what must not be shown:
    control characters, which no XML file may hold, soft hyphens, zero-width spaces, private-use
    characters and lone surrogates.  Joiners stay: emoji and Persian need them."""
    return " ".join(_UNFIT.sub("", text).split())


_UNFIT = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff"
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufff0-\ufff8\ufffe\uffff]"
)
