"""Cards and games: Anki, Quizlet and Kahoot."""

from __future__ import annotations

import csv
import hashlib
import html
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from qgen.files.writers.questions import Item, as_references, items, no_answer, no_choices, usable

# -- Anki ------------------------------------------------------------------------------------------

TAG_LENGTH = 100
"""Characters that a field may have to be a tag."""


def write_anki(records: Iterable[dict], path: Path) -> Counter[str]:
    """A text file for Anki's importer: cards of its types Basic (the question in front, the answer
    at the back) and Cloze (the evidence as extra); the row's other fields are tags.

    Of notes without an identifier Anki overwrites all that have the same front.  Those here tell
    questions of the same words apart, and are the same when they are written again.
    """
    seen: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("#separator:tab\n#html:true\n#notetype column:1\n#tags column:4\n")
        file.write("#guid column:5\n")
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        for item in items(records):
            asked = f"{_front(item)}\n{item.evidence}"
            seen[asked] += 1
            guid = hashlib.sha256(f"{asked}\n{seen[asked]}".encode()).hexdigest()[:20]
            writer.writerow([*_anki_note(item), " ".join(_tags(item)), guid])
    return Counter()


def _anki_note(item: Item) -> tuple[str, str, str]:
    """The type, and its two fields."""
    choices = []
    if item.wrong and item.type != "true-false":
        choices = [f"{letter}. {_anki_text(choice)}" for choice, letter in item.letters.items()]
    if item.type == "cloze":
        before, after = map(_anki_text, item.blank)
        # Colons and braces end a gap, or begin its hint.
        gap = as_references("[:{}]", _anki_text(item.answer))
        text = "<br>".join([f"{before}{{{{c1::{gap}}}}}{after}", *choices])
        return "Cloze", text, _anki_text(item.evidence)
    back = f"{item.letters[item.answer]}. {item.answer}" if choices else item.answer
    return "Basic", "<br>".join([_anki_text(_front(item)), *choices]), _anki_text(back)


def _front(item: Item) -> str:
    """The question, as a card has it that shows no choices of true and false."""
    return f"True or false? {item.text}" if item.type == "true-false" else item.text


def _anki_text(text: str) -> str:
    """As HTML; a bracket might begin a sound or LaTeX, two braces a gap."""
    return as_references(r"[\[{]", html.escape(text, quote=False))


def _tags(item: Item) -> list[str]:
    return [
        f"{tag_name}::{'_'.join(value.split())}"
        for name, value in item.fields.items()
        if value and len(value) <= TAG_LENGTH and (tag_name := "_".join(name.split()))
    ]


# -- Quizlet ---------------------------------------------------------------------------------------


def write_quizlet(records: Iterable[dict], path: Path) -> Counter[str]:
    """Text to paste into Quizlet's import: the question, a tab and the answer on each line."""
    left_out: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in usable(records, left_out, no_answer):
            file.write(f"{_front(item)}\t{item.answer}\n")
    return left_out


# -- Kahoot ----------------------------------------------------------------------------------------

_KAHOOT_COLUMNS = (
    "Question - max 120 characters",
    "Answer 1 - max 75 characters",
    "Answer 2 - max 75 characters",
    "Answer 3 - max 75 characters",
    "Answer 4 - max 75 characters",
    "Time limit (sec) – 5, 10, 20, 30, 60, 90, 120, or 240 secs",
    "Correct answer(s) - choose at least one",
)
_KAHOOT_HEADER = 8
"""The row of Kahoot's template that names the columns."""
_QUESTION_LENGTH, _ANSWER_LENGTH, _ANSWERS, _SECONDS = 120, 75, 4, 20


def write_kahoot(records: Iterable[dict], path: Path) -> Counter[str]:
    """A spreadsheet in the form of Kahoot's template.  What is longer than Kahoot allows is left
    out."""
    from openpyxl import Workbook

    left_out: Counter[str] = Counter()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["B2"] = "Quiz template"
    for column, title in enumerate(_KAHOOT_COLUMNS, start=2):
        sheet.cell(_KAHOOT_HEADER, column, title)
    for number, item in enumerate(usable(records, left_out, _kahoot_problem), 1):
        answers = _four(item)
        cells = [item.text, *answers, *[None] * (_ANSWERS - len(answers))]
        sheet.cell(_KAHOOT_HEADER + number, 1, number)
        for column, value in enumerate(cells, start=2):
            cell = sheet.cell(_KAHOOT_HEADER + number, column, value)
            if value is not None:
                cell.data_type = "s"  # text, even where it begins with "="
        right = answers.index(item.answer) + 1
        for column, setting in enumerate((_SECONDS, right), start=2 + len(cells)):
            sheet.cell(_KAHOOT_HEADER + number, column, setting)
    book.save(path)
    return left_out


def _kahoot_problem(item: Item) -> str:
    if problem := no_choices(item):
        return problem
    if len(item.text) > _QUESTION_LENGTH:
        return f"longer than {_QUESTION_LENGTH} characters"
    if max(map(len, _four(item))) > _ANSWER_LENGTH:
        return f"with an answer longer than {_ANSWER_LENGTH} characters"
    return ""


def _four(item: Item) -> list[str]:
    """The answer among as many wrong ones as there is room for."""
    wrong = item.wrong[: _ANSWERS - 1]
    return [choice for choice in item.choices if choice == item.answer or choice in wrong]
