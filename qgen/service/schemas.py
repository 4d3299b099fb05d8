"""What goes in and comes out of the service, as pydantic models: the source of its OpenAPI."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from qgen.records import Answer, Question, Result
from qgen.settings import GenerationSettings, QuizSettings

PASSAGE = "Marie Curie was born in Warsaw in 1867."
MAX_BEAMS = 10


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


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
        description="each is asked for; none: they are proposed",
    )


def _decoding_model() -> type[BaseModel]:
    """The fields of ``GenerationSettings``, with the bounds of a shared machine."""
    bounds: dict[str, dict[str, Any]] = {
        "num_beams": {"ge": 1, "le": MAX_BEAMS},
        "num_return_sequences": {"ge": 1, "le": MAX_BEAMS},
        "max_length": {"ge": 2, "le": 128},
    }
    types = {"int": int, "float": float, "bool": bool, "str": str}
    columns: dict[str, Any] = {
        field.name: (
            types[str(field.type)],
            Field(
                field.default,
                description=field.metadata["help"],
                allow_inf_nan=False if field.type == "float" else None,
                **bounds.get(field.name, {}),
            ),
        )
        for field in fields(GenerationSettings)
        if field.name != "use_cache"
    }
    return create_model("Decoding", __base__=_Strict, __doc__="How to decode.", **columns)


Decoding = _decoding_model()


class QuestionsIn(_Strict):
    """Passages to ask about, all with the same settings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"passages": [{"passage": PASSAGE, "answers": ["Warsaw"]}]}]
        }
    )

    passages: list[PassageIn] = Field(min_length=1)
    max_answers: int = Field(
        QuizSettings.max_answers, ge=1, le=50, description="questions per passage without answers"
    )
    min_confidence: float = Field(
        QuizSettings.min_confidence,
        ge=0,
        le=1,
        description="drop questions about proposed answers that the reader trusts less",
    )
    kinds: list[Literal["date", "number", "person", "place", "name", "phrase"]] = Field(
        default_factory=list,
        description="only answers of these kinds, where none is given; all if empty",
    )
    choices: int = Field(
        QuizSettings.choices,
        ge=0,
        le=8,
        description="multiple choice: the answer and so many wrong ones less one; 0 for none",
    )
    settings: Decoding = Field(default_factory=Decoding)  # type: ignore[valid-type]


class AnswersIn(_Strict):
    """A passage to propose answers of."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"passage": PASSAGE}]})

    passage: str = Field(min_length=1)


class AnswerOut(BaseModel):
    """A span of the passage."""

    text: str
    start: int
    kind: str = Field(
        description="date, number, name, phrase or, once asked for, person or place; empty if given"
    )

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        return cls(text=answer.text, start=answer.start, kind=answer.kind)


class QuestionOut(BaseModel):
    """A question and the answer it asks for."""

    question: str
    answer: AnswerOut
    score: float = Field(description="mean log-probability of its tokens; higher is better")
    confidence: float | None = Field(
        description="how probable it is that the question is good; null without a reader"
    )
    choices: list[str] = Field(description="multiple choice, if asked for: the answer among others")

    @classmethod
    def of(cls, question: Question) -> QuestionOut:
        assert question.answer is not None
        return cls(
            question=question.question,
            answer=AnswerOut.of(question.answer),
            score=round(question.score, 6),
            confidence=question.to_dict()["confidence"],
            choices=question.choices,
        )


class PassageOut(BaseModel):
    """What came of a passage."""

    questions: list[QuestionOut] = Field(description="best first, or in the order of the answers")
    reason: str = Field(description="why there are none, or not more; empty if nothing was dropped")

    @classmethod
    def of(cls, result: Result) -> PassageOut:
        reason = result.reason if result.questions else result.failure
        return cls(questions=[QuestionOut.of(q) for q in result.questions], reason=reason)


class QuestionsOut(BaseModel):
    """One result for each passage, in order."""

    results: list[PassageOut]


class AnswersOut(BaseModel):
    """Answers that may be asked for, those most worth it first."""

    answers: list[AnswerOut]


class BatchOut(BaseModel):
    """The state of a batch."""

    id: str
    state: str = Field(description="queued, running, done, failed or cancelled")
    rows: int = Field(description="rows done")
    total: int = Field(description="rows in all; 0 until they are counted")
    message: str = Field(description="why it failed, or what came of it")


class Problem(BaseModel):
    """What is wrong, in a sentence, and where."""

    code: str
    message: str
    field: str = Field(description="path of the field that is at fault, such as passages.0.passage")


class ErrorOut(BaseModel):
    """The body of every answer that is not a success."""

    error: Problem
