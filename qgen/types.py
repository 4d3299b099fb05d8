"""The records that pass between reading, generating, evaluating and writing."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Example:
    """A passage, an answer span in it and, where known, the reference question.

    Attributes:
        passage: the text that holds the answer.
        answer: the answer text; empty where none is known (answer-agnostic).
        answer_start: character offset of ``answer`` in ``passage``; ``None``
            means the first occurrence.
        question: the reference question; empty at inference time.
        id: the caller's own identifier, carried through unchanged.
    """

    passage: str
    answer: str = ""
    answer_start: int | None = None
    question: str = ""
    id: str = ""


@dataclass(frozen=True)
class Question:
    """A generated question.

    Attributes:
        question: the text of the question.
        answer: the answer span the question was generated for.
        answer_start: character offset of ``answer`` in the passage, or ``None``
            where the question was generated without an answer.
        score: length-normalised log-probability (nats per token raised to the
            length penalty); higher is better.
    """

    question: str
    answer: str
    answer_start: int | None
    score: float

    def to_dict(self) -> dict:
        """The record as plain JSON types."""
        return {
            "question": self.question,
            "answer": self.answer,
            "answer_start": self.answer_start,
            "score": round(self.score, 6),
        }


@dataclass(frozen=True)
class Request:
    """One unit of batch work: a passage, and an answer or none.

    Attributes:
        passage: the text to ask about.
        answer: the answer to ask for, or ``None`` to have answers proposed.
        answer_start: character offset of ``answer``; ``None`` for the first
            occurrence.
        extra: the input row's other fields, copied to the output row.
    """

    passage: str
    answer: str | None = None
    answer_start: int | None = None
    extra: dict = field(default_factory=dict)
