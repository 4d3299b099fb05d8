"""From passages to questions worth asking: propose answers, ask, check, rank.

This is what the command line, batches and the web page call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qgen.answers import locate_answer, propose_answers
from qgen.checks import answer_problem, passage_problem, question_problem, rank
from qgen.errors import QGenError
from qgen.generator import NBestGenerator
from qgen.settings import MAX_ANSWERS, GenerationSettings
from qgen.types import Answer, Question, Request, Result


class QuestionGenerator:
    """The whole way from a passage to its questions.

    Args:
        generator: asks the question for a passage and an answer.
    """

    def __init__(self, generator: NBestGenerator):
        self.generator = generator

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path | None = None, device: str | None = None, **kwargs
    ) -> QuestionGenerator:
        """With a fine-tuned checkpoint: a directory or hub name, or the one that ships.

        Raises:
            QGenError: see :meth:`NBestGenerator.from_pretrained`, which takes ``kwargs``.
        """
        return cls(NBestGenerator.from_pretrained(checkpoint, device, **kwargs))

    def questions(
        self,
        passage: str,
        answer: str | None = None,
        answer_start: int | None = None,
        settings: GenerationSettings | None = None,
        max_answers: int = MAX_ANSWERS,
    ) -> list[Question]:
        """Questions about one passage, best first; see :meth:`generate`.

        Raises:
            QGenError: the answer is not in the passage, a setting is out of range, or there is no
                question worth showing; the message says why.
        """
        answers = () if answer is None else (locate_answer(passage, answer, answer_start),)
        [result] = self.generate([Request(passage, answers)], settings, max_answers)
        if not result.questions:
            raise QGenError(result.failure)
        return list(result.questions)

    def generate(
        self,
        requests: Sequence[Request],
        settings: GenerationSettings | None = None,
        max_answers: int = MAX_ANSWERS,
    ) -> list[Result]:
        """What comes of each request; one that cannot be served has no questions but a reason.

        Args:
            requests: passages with answers (the n-best questions of each come back, in the order
                of the answers) or without (answers are proposed, and the best question of each of
                the best ``max_answers`` comes back; their spans do not overlap).
            settings: how to decode.
            max_answers: questions per request without answers.

        Raises:
            QGenError: a setting is out of range.
        """
        settings = self.generator.within_range(settings or GenerationSettings())
        if max_answers < 1:
            raise QGenError("the number of answers must be at least 1")
        planned = [_plan(request) for request in requests]
        # A beam that gives its answer away makes room for the next one, so ask for all of them.
        every = settings.num_return_sequences if settings.do_sample else settings.num_beams
        decoding = replace(settings, num_return_sequences=every)
        asked, problems = self._ask(
            [
                (request.passage, answer)
                for request, plan in zip(requests, planned, strict=True)
                for answer in ([] if isinstance(plan, str) else plan)
            ],
            decoding,
        )
        results, position = [], 0
        for request, plan in zip(requests, planned, strict=True):
            if isinstance(plan, str):
                results.append(Result(dropped={plan: 0}))
                continue
            n_best = asked[position : position + len(plan)]
            failed = [problems[i] for i in range(position, position + len(plan)) if i in problems]
            position += len(plan)
            if request.answers:
                result = _for_each_answer(n_best, settings.num_return_sequences)
            else:
                kept, dropped = rank(_best(n_best), max_answers)
                result = Result(tuple(kept), dict(dropped))
            results.append(replace(result, dropped=result.dropped | dict.fromkeys(failed, 0)))
        return results

    def _ask(
        self, inputs: list[tuple[str, Answer | None]], settings: GenerationSettings
    ) -> tuple[list[list[Question]], dict[int, str]]:
        """The n-best of each input, and what is wrong with those that could not be asked."""
        try:
            return self.generator.generate(inputs, settings), {}
        except QGenError:
            # One of them is at fault: find it, and let the others be asked.
            asked: list[list[Question]] = []
            problems: dict[int, str] = {}
            for i, one in enumerate(inputs):
                try:
                    asked += self.generator.generate([one], settings)
                except QGenError as error:
                    asked.append([])
                    problems[i] = str(error)
            return asked, problems


def _plan(request: Request) -> list[Answer] | str:
    """The answers to ask for, or why there are none."""
    if problem := passage_problem(request.passage):
        return problem
    answers = list(request.answers) or propose_answers(request.passage)
    problems = [answer_problem(request.passage, answer) for answer in answers]
    usable = [answer for answer, problem in zip(answers, problems, strict=True) if not problem]
    if usable:
        return usable
    return next(filter(None, problems), "no answer could be proposed for the passage; give one")


def _best(n_best: Sequence[Sequence[Question]]) -> list[Question]:
    """For each answer its best question without a problem, or else its best one."""
    return [
        next((q for q in questions if not question_problem(q)), questions[0])
        for questions in n_best
        if questions
    ]


def _for_each_answer(n_best: Sequence[Sequence[Question]], count: int) -> Result:
    """The ``count`` best questions of each answer that have no problem."""
    kept: list[Question] = []
    dropped: Counter[str] = Counter()
    for questions in n_best:
        problems = [question_problem(question) for question in questions]
        good = [q for q, problem in zip(questions, problems, strict=True) if not problem]
        kept += good[:count]
        if not good:
            dropped.update(filter(None, problems))
    return Result(tuple(kept), dict(dropped))
