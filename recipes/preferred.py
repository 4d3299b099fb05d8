"""What the reader prefers among a generator's own questions: passages in, rows for minimum-risk
training out.

    python -m recipes.preferred PASSAGES.jsonl OUT.jsonl --model DIR
    qgen train --model DIR --train OUT.jsonl --objective minimum-risk --out RUN

For proposed answers of each passage the n-best are asked and read.  A row has the surest of them as
its question, and as ``n_best`` the first, the surest and the least sure, with their confidences.
Answers of whose questions none is sure, or all are alike so, are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from qgen import GenerationSettings, QuestionGenerator, Request
from qgen.asking.proposals import apart
from qgen.errors import exit_code
from qgen.files.rows import read_requests
from qgen.model.reader import DEFAULT_READER
from qgen.records import Question

AT_ONCE = 32
"""Passages asked about together."""
SURE, APART = 0.25, 0.08
"""The confidence that the surest must have at least, and how much less the least sure has.  No
other values were tried."""


def preferred(questions: Sequence[Question]) -> list[Question] | None:
    """The most probable of an answer's n-best, the surest and the least sure, each once; ``None``
    where the confidences say too little.

    Args:
        questions: with their confidences, in any order.
    """
    if not questions:
        return None
    first = max(questions, key=lambda q: q.score)
    surest = max(questions, key=lambda q: q.sureness)
    least = min(questions, key=lambda q: q.sureness)
    if surest.sureness < SURE or surest.sureness - least.sureness < APART:
        return None
    return list(dict.fromkeys([first, surest, least]))


def rows(
    generator: QuestionGenerator, passages: Sequence[str], max_answers: int, n_best: int
) -> Iterator[dict]:
    """The rows of some passages."""
    answers = [tuple(apart(each, max_answers)) for each in generator.propose(passages)]
    requests = [Request(p, a) for p, a in zip(passages, answers, strict=True) if a]
    settings = GenerationSettings(num_beams=max(n_best, 5), num_return_sequences=n_best)
    for request, result in zip(requests, generator.generate(requests, settings), strict=True):
        for answer in request.answers:
            found = preferred([q for q in result.questions if q.answer == answer])
            if found:
                yield {
                    "passage": request.passage,
                    "answer": answer.text,
                    "answer_start": answer.start,
                    "question": max(found, key=lambda q: q.sureness).question,
                    "n_best": [[q.question, round(q.sureness, 4)] for q in found],
                }


def main(argv: Sequence[str] | None = None) -> None:
    """Ask about passages and write down what the reader prefers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("passages", help="rows with a passage; their answers are not looked at")
    parser.add_argument("out", help="rows with passage, answer, answer_start, question and n_best")
    parser.add_argument("--model", metavar="DIR", help="the generator (the one that ships)")
    parser.add_argument(
        "--reader", metavar="DIR", default=DEFAULT_READER, help="the reader (the one that ships)"
    )
    parser.add_argument("--max-answers", type=int, default=5, help="of a passage (%(default)s)")
    parser.add_argument("--n-best", type=int, default=5, help="questions each (%(default)s)")
    args = parser.parse_args(argv)
    generator = QuestionGenerator.from_pretrained(args.model, reader=args.reader)
    passages = [request.passage for _, request in read_requests(args.passages)]
    with Path(args.out).open("w", encoding="utf-8") as file:
        for at in range(0, len(passages), AT_ONCE):
            for row in rows(generator, passages[at : at + AT_ONCE], args.max_answers, args.n_best):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()


if __name__ == "__main__":
    sys.exit(exit_code("recipes.preferred", main))
