"""A quiz that was saved: the JSON Lines that the page exports and ``qgen batch`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from qgen.errors import QGenError
from qgen.files.encoding import read_bytes
from qgen.files.fields import normal_name
from qgen.files.readers.blocks import MAX_BLOCKS
from qgen.files.rows import read_fields
from qgen.files.writers.questions import as_text, title_of
from qgen.service.schemas import MOST_OF_DOCUMENT, QuestionOut

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Those of files that the page opens as a quiz."""


class _Question(QuestionOut):
    model_config = ConfigDict(extra="ignore")

    question: str = Field(min_length=1)
    score: float = Field(allow_inf_nan=False)
    confidence: float | None = Field(ge=0, le=1)
    choices: list[str] = Field(default_factory=list, max_length=8)
    type: Literal["wh", "cloze", "true-false"] = "wh"


class _Record(BaseModel):
    passage: str = Field(min_length=1)
    questions: list[_Question]
    paragraph: StrictInt = 0
    headings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quiz:
    """A quiz to edit.

    Attributes:
        title: that of the whole; may be empty.
        passages: each once, with the headings over it, in the order of the text.
        questions: in their own order, each with the number of its ``passage``.
        lost: fields of the file that the page has no place for.
    """

    title: str
    passages: list[tuple[str, tuple[str, ...]]]
    questions: list[dict]
    lost: list[str]


def read_quiz(path: Path) -> Quiz:
    """The quiz in a file.

    Raises:
        QGenError: the file cannot be read or is larger than a document may be, a row is not as it
            would be written, or there are no questions or too many.
    """
    read_bytes(path)  # all of it, to refuse what is too large
    records: list[_Record] = []
    titles: set[str] = set()
    documents: set[str] = set()
    lost: dict[str, None] = {}  # an ordered set
    count = 0
    for line, fields in read_fields(path):
        where = f"{path}, line {line}"
        if isinstance(fields, str):
            raise QGenError(f"{where}: {fields}")
        asked = fields.get("questions")
        if not isinstance(asked, list):
            raise QGenError(f"{where} has no questions to edit; to ask about rows, open Batch")
        count += len(asked)
        if count > MOST_OF_DOCUMENT:
            raise QGenError(f"{path} has more than {MOST_OF_DOCUMENT} questions")
        if len(records) == MAX_BLOCKS:
            raise QGenError(f"{path} has more than {MAX_BLOCKS:,} paragraphs")
        given = {name: value for name, value in fields.items() if value not in (None, "")}
        record = _record(given, where)
        records.append(record)
        titles.add(title_of(given))
        documents.add(as_text(given.get("document")))
        lost.update(dict.fromkeys(name for name in given if name not in record.model_fields_set))
        for question in asked:
            more = (name for name in question if name not in _Question.model_fields)
            lost.update(dict.fromkeys(f"questions.{name}" for name in more))
    if not count:
        raise QGenError(f"{path} has no questions")
    title = titles.pop() if len(titles) == 1 else ""
    if title:
        lost = {name: None for name in lost if normal_name(name) not in ("title", "document")}
    in_order = records
    if len(documents) == 1:  # several begin anew at paragraph 1
        in_order = sorted(records, key=lambda record: record.paragraph)
    places: dict[tuple[int, str], int] = {}
    passages: list[tuple[str, tuple[str, ...]]] = []
    for record in in_order:
        if places.setdefault((record.paragraph, record.passage), len(places)) == len(passages):
            passages.append((record.passage, record.headings))
    questions = [
        question.model_dump(exclude_defaults=True)
        | {"passage": places[record.paragraph, record.passage]}
        for record in records
        for question in record.questions
    ]
    return Quiz(title, passages, questions, list(lost))


def _record(fields: dict, where: str) -> _Record:
    """A row; where what is not needed of it is of another kind, it is taken without."""
    try:
        record = _Record.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        name = wrong["loc"][0]
        if name not in ("passage", "questions"):
            return _record({other: fields[other] for other in fields if other != name}, where)
        field = ".".join(map(str, wrong["loc"]))
        raise QGenError(f"{where}, {field}: {wrong['msg']}") from error
    for question in record.questions:
        if question.choices and question.answer not in question.choices:
            raise QGenError(f"{where}: the answer {question.answer!r} is none of its choices")
        if question.type == "true-false" and question.answer not in ("True", "False"):
            raise QGenError(f"{where}: the answer {question.answer!r} is neither True nor False")
        question.answer_start = place(
            question.answer, question.answer_start, question.type, record.passage
        )
    return record


def place(answer: str, start: int | None, kind: str, passage: str) -> int | None:
    """Where the answer stands in the passage, whatever has been edited: where it stood, or else
    where it first does; of true or false, where the statement does."""
    if start is None or start < 0 or not answer:
        return None
    if kind == "true-false":
        return start if start < len(passage) else None
    if passage[start : start + len(answer)] == answer:
        return start
    return passage.find(answer) if answer in passage else None
