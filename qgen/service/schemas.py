"""What goes in and comes out of the service, as pydantic models: the source of its OpenAPI.

What can be set is taken from the settings classes, so that a new setting is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field as SettingsField
from dataclasses import fields
from typing import Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field, create_model

from qgen.files.writers import WRITERS
from qgen.records import BESIDE, Answer, Question, Result
from qgen.settings import ANSWER_KINDS, CLAUSE_KINDS, GenerationSettings, QuizSettings

PASSAGE = "Marie Curie was born in Warsaw in 1867."
"""The passage of the examples in the OpenAPI."""

MOST: Mapping[str, int] = {
    "num_beams": 10,
    "num_return_sequences": 10,
    "max_length": 128,
    "max_answers": 50,
    "tries": 16,
}
"""What one client may ask of a machine that is shared."""
MOST_OF_DOCUMENT = 500
"""Questions of a whole document."""
UNSHARED = frozenset({"use_cache"})
"""Settings that only cost time, and that clients therefore do not get."""

BOUNDS = ("ge", "gt", "le", "lt")
"""What a setting's metadata may say of its range, in pydantic's words."""


def fields_of(kind: type) -> dict[str, Any]:
    """The fields of a settings class as pydantic's ``create_model`` takes them: with the same
    names, types, defaults, descriptions, choices and bounds."""
    return {field.name: _field(field) for field in fields(kind) if field.name not in UNSHARED}


def _field(field: SettingsField) -> tuple[Any, Any]:
    bounds = {name: field.metadata[name] for name in BOUNDS if name in field.metadata}
    if field.name in MOST:
        bounds["le"] = MOST[field.name]
    choices, several = field.metadata["choices"], field.type == tuple[str, ...]
    one: Any = Literal[choices] if choices else str if several else field.type
    kind = list[one] if several else one
    return kind, Field(
        **({"default_factory": list} if several else {"default": field.default}),
        description=field.metadata["help"],
        allow_inf_nan=False if one is float else None,
        **bounds,
    )


def settings_of(body: BaseModel, kind: type) -> Any:
    """The settings of a class that a body says.

    Raises:
        QGenError: they do not go together.
    """
    values = {name: getattr(body, name) for name in fields_of(kind)}
    return kind(**values)


# -- what goes in ----------------------------------------------------------------------------------


class _Strict(BaseModel):
    """A body in JSON."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Form(BaseModel):
    """A body as web forms send it, in which all is text."""

    model_config = ConfigDict(extra="forbid")


class AnswerIn(_Strict):
    """An answer to ask for."""

    text: str = Field(min_length=1, description="as in the passage, but for case and the like")
    start: int | None = Field(None, ge=0, description="its offset, where it stands several times")


class PassageIn(_Strict):
    """A passage to ask about."""

    passage: str = Field(min_length=1)
    answers: list[str | AnswerIn] = Field(
        default_factory=list,
        max_length=50,
        description="each is asked for; without any, answers are proposed",
    )
    headings: list[str] = Field(
        default_factory=list,
        description="the headings above the passage, outermost first; `focus` keeps the passages "
        "that have such a heading",
    )
    beside: list[str] = Field(
        default_factory=list,
        max_length=2 * BESIDE,
        description="other passages of the same text: names in them may become wrong choices, or "
        "stand in false statements; without any, the passages near it in this request are taken; "
        "one that is longer than a passage may be is not used",
    )


Decoding = create_model(
    "Decoding", __base__=_Strict, __doc__="How to decode.", **fields_of(GenerationSettings)
)


class _QuestionsIn(_Strict):
    """Passages to ask about, all with the same settings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"passages": [{"passage": PASSAGE, "answers": ["Warsaw"]}]}]
        }
    )

    passages: list[PassageIn] = Field(min_length=1)
    settings: Decoding = Field(default_factory=Decoding)  # type: ignore[valid-type]


QuestionsIn = create_model(
    "QuestionsIn", __base__=_QuestionsIn, __doc__=_QuestionsIn.__doc__, **fields_of(QuizSettings)
)


class AnswersIn(_Strict):
    """A passage to propose answers of."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"passage": PASSAGE}]})

    passage: str = Field(min_length=1)


class RowIn(_Strict):
    """A question that somebody asked about a passage, and its answer there."""

    passage: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    answer_start: int | None = Field(
        None, ge=0, description="the answer's offset, where it stands several times"
    )


class ScoresIn(_Strict):
    """Questions to be judged."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rows": [
                        {
                            "passage": PASSAGE,
                            "question": "Where was Marie Curie born?",
                            "answer": "Warsaw",
                        }
                    ]
                }
            ]
        }
    )

    rows: list[RowIn] = Field(min_length=1)


class _BatchIn(_Form):
    """A file to ask about, and how."""

    file: UploadFile = Field(description="rows or a document, as `qgen batch` reads them")
    format: Literal[tuple(WRITERS)] = Field("jsonl", description="of the result")  # type: ignore[valid-type]
    best: int | None = Field(
        None,
        ge=1,
        le=MOST_OF_DOCUMENT,
        description="keep so many questions of the whole document, the best ones, spread over its "
        "paragraphs; if not given, max_answers of each paragraph or row",
    )


BatchIn = create_model(
    "BatchIn",
    __base__=_BatchIn,
    __doc__=_BatchIn.__doc__,
    **fields_of(QuizSettings),
    **fields_of(GenerationSettings),
)


# -- what comes out --------------------------------------------------------------------------------


class AnswerOut(BaseModel):
    """A span of the passage."""

    text: str
    start: int
    kind: str = Field(
        description=f"date, number, name or phrase, or of a clause: {', '.join(CLAUSE_KINDS)}"
    )

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        return cls(text=answer.text, start=answer.start, kind=answer.kind)


class QuestionOut(BaseModel):
    """A question and the answer it asks for: :meth:`qgen.records.Question.to_dict`, which is what
    files hold too."""

    model_config = ConfigDict(extra="forbid")

    question: str
    answer: str
    answer_start: int | None = Field(description="offset of its first character in the passage")
    kind: str = Field(
        description=f"of the answer: {', '.join(ANSWER_KINDS)}; empty for an answer that was given"
    )
    score: float = Field(description="mean log-probability of its tokens; higher is better")
    confidence: float | None = Field(
        description="the probability, from 0 to 1, that a strict judge does not call the question "
        "wrong; of a fill-in-the-blank or true-false statement, that its sentence is good (half of "
        "that where it is false); null without a reader"
    )
    choices: list[str] = Field(
        default_factory=list,
        description="the answer among wrong ones; only where multiple choice was asked for",
    )
    type: str = Field(
        default="wh",
        description="cloze: a sentence with the answer blanked; true-false: a statement, whose "
        "answer is True or False; wh, which is left out: all others, why and how among them",
    )
    correction: str = Field(
        default="", description="of a false statement, the right words, as the passage has them"
    )
    note: str = Field(default="", description="such as how many of the choices were not found")
    reasons: list[str] = Field(
        default_factory=list,
        description="what speaks against the question, a sentence each; only where something does",
    )

    @classmethod
    def of(cls, question: Question) -> QuestionOut:
        return cls(**question.to_dict())


class PassageOut(BaseModel):
    """What came of a passage."""

    questions: list[QuestionOut] = Field(description="best first, or in the order of the answers")
    reason: str = Field(description="why there are none, or not more; empty if nothing was dropped")
    problems: list[str] = Field(
        description="what could not be asked for, such as an answer that is not in the passage"
    )
    passage: str = Field(
        default="",
        description="the passage that offsets are of; only where its characters were mended, such "
        "as ligatures and soft hyphens",
    )

    @classmethod
    def of(cls, result: Result, problems: Iterable[str], passage: str = "") -> PassageOut:
        """From its result.

        Args:
            result: what came of it.
            problems: what could not be asked for.
            passage: the mended one; empty where it is as it was sent.
        """
        problems = list(problems)
        reason = result.reason if result.questions or problems else result.failure
        return cls(
            questions=[QuestionOut.of(q) for q in result.questions],
            reason=reason,
            problems=problems,
            **({"passage": passage} if passage else {}),
        )


class QuestionsOut(BaseModel):
    """One result for each passage, in order."""

    results: list[PassageOut]


class AnswersOut(BaseModel):
    """Answers that may be asked for, those most worth it first."""

    answers: list[AnswerOut]
    passage: str = Field(
        default="", description="the passage that offsets are of; only where it was mended"
    )


class ScoreOut(BaseModel):
    """What is thought of a question: :meth:`qgen.asking.scoring.Verdict.to_dict`."""

    model_config = ConfigDict(extra="forbid")

    confidence: float | None = Field(
        description="the probability, from 0 to 1, that a strict judge does not call the question "
        "wrong; null where it cannot be told"
    )
    reader_answer: str = Field(description="what the reader answers; empty where it finds nothing")
    reasons: list[str] = Field(description="what speaks against the question")


class ScoresOut(BaseModel):
    """A verdict on each question, in order."""

    scores: list[ScoreOut]


class BatchOut(BaseModel):
    """The state of a batch."""

    id: str
    state: str = Field(description="queued, running, done, failed or cancelled")
    rows: int = Field(description="rows done")
    total: int = Field(description="rows in all; 0 until they are counted")
    questions: int = Field(description="questions in the result; 0 until it is done")
    message: str = Field(description="why it failed, or what came of it")
    left_out: list[str] = Field(
        description="what was not read, such as a document's tables, and what the format has no "
        "place for; rows that failed are among the errors"
    )


class ProblemOut(BaseModel):
    """What is wrong, in a sentence, and where."""

    code: str
    message: str
    field: str = Field(description="path of the field that is at fault, such as passages.0.passage")


class ErrorOut(BaseModel):
    """The body of every answer that is not a success."""

    error: ProblemOut
