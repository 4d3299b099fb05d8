"""A quiz that was saved: the JSON Lines that the page exports and ``qgen batch`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qgen.errors import QGenError
from qgen.files.rows import read_fields
from qgen.service.schemas import QuestionOut

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Those of files that the page opens as a quiz."""
MOST = 500
"""Questions that the page shows, as many as ``best`` keeps of a whole document."""


class _Question(QuestionOut):
    model_config = ConfigDict(extra="ignore")

    question: str = Field(min_length=1)
    score: float = Field(allow_inf_nan=False)
    confidence: float | None = Field(ge=0, le=1)
    choices: list[str] = Field(default_factory=list, max_length=8)


class _Record(BaseModel):
    passage: str = Field(min_length=1)
    questions: list[_Question]
    title: str = ""
    document: str = ""
    paragraph: int = 0
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
        QGenError: the file cannot be read, a row is not as it would be written, or there are no
            questions or too many.
    """
    records = []
    lost: dict[str, None] = {}  # an ordered set
    for number, fields in enumerate(read_fields(path), 1):
        records.append(_record(fields, f"{path}, row {number}"))
        lost.update(dict.fromkeys(name for name in fields if name not in _Record.model_fields))
    count = sum(len(record.questions) for record in records)
    if not 0 < count <= MOST:
        raise QGenError(f"{path} has {count} questions; the page shows 1 to {MOST}")
    documents = {record.document: None for record in records}
    in_order = records
    if len(documents) == 1:  # several begin anew at paragraph 1
        in_order = sorted(records, key=lambda record: record.paragraph)
    places: dict[tuple[int, str], int] = {}
    passages = []
    for record in in_order:
        if places.setdefault((record.paragraph, record.passage), len(places)) == len(passages):
            passages.append((record.passage, record.headings))
    questions = [
        question.model_dump(exclude_defaults=True)
        | {"passage": places[record.paragraph, record.passage]}
        for record in records
        for question in record.questions
    ]
    titles = {record.title or record.document for record in records}
    return Quiz(titles.pop() if len(titles) == 1 else "", passages, questions, list(lost))


def _record(fields: dict | str, where: str) -> _Record:
    if isinstance(fields, str):
        raise QGenError(f"{where}: {fields}")
    if "questions" not in fields:
        raise QGenError(f"{where} has no questions to edit; to ask about rows, open Batch")
    try:
        record = _Record.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"]))
        raise QGenError(f"{where}, {field}: {wrong['msg']}") from error
    for question in record.questions:
        if question.choices and question.answer not in question.choices:
            raise QGenError(f"{where}: the answer {question.answer!r} is none of its choices")
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
