"""Silver questions: what a generator asks in fresh passages, where the reader is sure of it.

    python -m recipes.silver PASSAGES.jsonl OUT.jsonl --min-confidence 0.8

The rows are examples for ``qgen train``: sequence-level distillation (Kim and Rush 2016,
arXiv:1606.07947) where ``--model`` is a larger generator than the one that learns from them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from qgen import QuestionGenerator, QuizSettings, Request
from qgen.errors import exit_code
from qgen.files.rows import read_requests
from qgen.model.reader import DEFAULT_READER

AT_ONCE = 64
"""Passages asked about together."""


def main(argv: Sequence[str] | None = None) -> None:
    """Ask about passages and keep what is sure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("passages", help="rows with a passage; their answers are not looked at")
    parser.add_argument("out", help="rows with passage, answer, answer_start and question")
    parser.add_argument("--model", metavar="DIR", help="the generator (default: fast)")
    parser.add_argument(
        "--reader", metavar="DIR", default=DEFAULT_READER, help="the reader (the one that ships)"
    )
    parser.add_argument("--min-confidence", type=float, default=0.8)
    parser.add_argument("--max-answers", type=int, default=10)
    args = parser.parse_args(argv)
    generator = QuestionGenerator.from_pretrained(args.model, reader=args.reader)
    quiz = QuizSettings(max_answers=args.max_answers, min_confidence=args.min_confidence)
    requests = [Request(request.passage) for _, request in read_requests(args.passages)]
    with Path(args.out).open("w", encoding="utf-8") as file:
        for at in range(0, len(requests), AT_ONCE):
            some = requests[at : at + AT_ONCE]
            for request, result in zip(some, generator.generate(some, quiz=quiz), strict=True):
                for question in result.questions:
                    row = {"passage": request.passage} | question.to_dict()
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(exit_code("recipes.silver", main))
