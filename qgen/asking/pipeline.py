"""From passages to questions worth asking: propose answers, ask, check with the reader, rank.

This is what the command line, batches and the web page call.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from heapq import nlargest
from itertools import islice
from pathlib import Path

from textblob.en import lexicon

from qgen._collector import garbage_collection_paused
from qgen.asking.checks import answer_problem, kind_asked_for, question_problem
from qgen.asking.confidence import WEIGHTS, confidence, load_weights
from qgen.asking.distractors import Neighbours, distractors
from qgen.asking.generator import NBestGenerator
from qgen.asking.proposals import apart, propose_spans
from qgen.asking.selection import rank
from qgen.english.locate import locate_answer
from qgen.english.phrases import propose_answers
from qgen.english.prose import passage_problem
from qgen.english.text import answer_tokens
from qgen.english.words import words_repeated
from qgen.errors import QGenError
from qgen.model.reader import (
    DEFAULT_READER,
    Reader,
    Window,
    best_spans,
    log_probability,
    reading,
)
from qgen.records import Answer, Question, Request, Result
from qgen.settings import GenerationSettings, QuizSettings

SPARE = 2
"""Proposed answers asked about for each question wanted, since some questions will be dropped."""

RIVALS = 10
"""Other answers of the passage looked at for wrong ones."""
UNLIKE = 2.5
"""Nats by which the beginning of a question may be less probable for a wrong answer."""


class QuestionGenerator:
    """The whole way from a passage to its questions.

    Args:
        generator: asks the question for a passage and an answer.
        reader: tells which answers are worth asking for and which questions are good; without
            one, every proposed answer is asked for and no question has a confidence.
    """

    def __init__(self, generator: NBestGenerator, reader: Reader | None = None):
        self.generator = generator
        self.reader = reader
        self._weights = WEIGHTS
        if reader:
            size = 2 * reader.model.config.hidden_size
            self._weights = load_weights(reader.model.name_or_path, size)

    @classmethod
    @garbage_collection_paused()
    def from_pretrained(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        reader: str | Path | None = DEFAULT_READER,
        **kwargs,
    ) -> QuestionGenerator:
        """With a fine-tuned checkpoint: a directory or hub name, or the one that ships.

        Args:
            checkpoint: the question generator's.
            device: a torch device; by default a GPU where there is one.
            reader: the reader's checkpoint; ``None`` for no reader.
            kwargs: see :meth:`NBestGenerator.from_pretrained`.

        Raises:
            QGenError: a checkpoint cannot be loaded.
        """
        lexicon.get("")  # has the tagger's words read, once, which every passage needs
        generator = NBestGenerator.from_pretrained(checkpoint, device, **kwargs)
        if reader == DEFAULT_READER and not DEFAULT_READER.exists():
            print("qgen: the reader is missing: questions are not checked", file=sys.stderr)
            reader = None
        if reader is None:
            return cls(generator)
        dtype = kwargs.get("dtype", "auto")
        return cls(generator, Reader.from_pretrained(reader, device, dtype))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all weights, their dtype included: what the results depend on."""
        parts = [self.generator.fingerprint]
        if self.reader:
            parts += [self.reader.fingerprint, self._weights.to_json()]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def questions(
        self,
        passage: str,
        answer: str | None = None,
        answer_start: int | None = None,
        settings: GenerationSettings | None = None,
        quiz: QuizSettings | None = None,
    ) -> list[Question]:
        """Questions about one passage, best first; see :meth:`generate`.

        Raises:
            QGenError: the answer is not in the passage, a setting is out of range, or there is no
                question worth showing; the message says why.
        """
        answers = () if answer is None else (locate_answer(passage, answer, answer_start),)
        [result] = self.generate([Request(passage, answers)], settings, quiz)
        if not result.questions:
            raise QGenError(result.failure)
        return list(result.questions)

    def generate(
        self,
        requests: Sequence[Request],
        settings: GenerationSettings | None = None,
        quiz: QuizSettings | None = None,
    ) -> list[Result]:
        """What comes of each request; one that cannot be served has no questions but a reason.

        Args:
            requests: passages with answers (the n-best questions of each come back, in the order
                of the answers) or without (answers are proposed, and the best question of each of
                the best ``max_answers`` comes back; their spans do not overlap).
            settings: how to decode.
            quiz: which questions to keep.

        Raises:
            QGenError: a setting is out of range.
        """
        settings = self.generator.within_range(settings or GenerationSettings())
        quiz = quiz or QuizSettings()
        planned = self._plan(requests, quiz)
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
        drafts: list[tuple[list[Question], dict[str, int]]] = []
        position = 0
        for request, plan in zip(requests, planned, strict=True):
            if isinstance(plan, str):
                drafts.append(([], {plan: 0}))
                continue
            n_best = asked[position : position + len(plan)]
            failed = [problems[i] for i in range(position, position + len(plan)) if i in problems]
            position += len(plan)
            if request.answers:
                count = settings.num_return_sequences
                questions, unfit = _for_each_answer(request.passage, n_best, count)
            else:
                questions, unfit = _of_kinds(_best(request.passage, n_best), quiz.kinds)
            drafts.append((questions, dict(unfit) | dict.fromkeys(failed, 0)))
        checked = iter(
            self._check(
                [
                    (request.passage, question)
                    for request, (questions, _) in zip(requests, drafts, strict=True)
                    for question in questions
                ]
            )
        )
        results = []
        for request, (questions, dropped) in zip(requests, drafts, strict=True):
            read = list(islice(checked, len(questions)))
            kept = [question for question, _ in read]
            if not request.answers:
                kept, unfit = rank(kept, request.passage, quiz)
                dropped = dict(unfit) | dropped
            if quiz.choices:
                windows = dict(read)
                kept = self._with_distractors(
                    request.passage, [(q, windows[q]) for q in kept], quiz.choices - 1
                )
            results.append(Result(tuple(kept), dropped))
        return results

    def propose(self, passages: Sequence[str]) -> list[list[Answer]]:
        """For each passage the answers that may be asked for: by the reader, the ones most worth it
        first; without one, in the order they stand."""
        by_rule = [propose_answers(passage) for passage in passages]
        if not self.reader:
            return by_rule
        read = self.reader.windows([(passage, "", None) for passage in passages])
        return list(map(propose_spans, passages, read, by_rule))

    def _plan(self, requests: Sequence[Request], quiz: QuizSettings) -> list[list[Answer] | str]:
        """For each request the answers to ask for, or why there are none."""
        problems = [passage_problem(request.passage) for request in requests]
        proposed = iter(
            self.propose(
                [
                    request.passage
                    for request, problem in zip(requests, problems, strict=True)
                    if not problem and not request.answers
                ]
            )
        )
        return [
            problem or self._usable(request, request.answers or next(proposed), quiz)
            for request, problem in zip(requests, problems, strict=True)
        ]

    def _usable(
        self, request: Request, answers: Sequence[Answer], quiz: QuizSettings
    ) -> list[Answer] | str:
        """Those of the answers that can be asked for, or why there are none."""
        if not request.answers and quiz.kinds:
            answers = [answer for answer in answers if _may_be(answer.kind, quiz.kinds)]
        problems = [answer_problem(request.passage, answer) for answer in answers]
        usable = [answer for answer, problem in zip(answers, problems, strict=True) if not problem]
        if not usable:
            nothing = "no answer could be proposed for the passage; give one"
            return next(filter(None, problems), nothing)
        if request.answers or not self.reader:
            return usable
        spare = SPARE * (2 if _TOLD_BY_QUESTION & set(quiz.kinds) else 1)
        return apart(usable, spare * quiz.max_answers)

    def _with_distractors(
        self, passage: str, read: Sequence[tuple[Question, list[Window]]], count: int
    ) -> list[Question]:
        """The questions with wrong answers beside the right one."""
        others = propose_answers(passage)
        made = []
        for question, windows in read:
            assert question.answer is not None
            wrong = distractors(
                passage,
                question.question,
                question.answer,
                others,
                self._neighbours,
                count,
                partial(_answers_too, _likely_answers(passage, windows)),
                partial(self._plausible, passage, question, windows),
            )
            made.append(replace(question, distractors=tuple(wrong)))
        return made

    def _plausible(
        self, passage: str, question: Question, windows: list[Window], others: list[Answer]
    ) -> list[Answer]:
        """Those of a passage's other answers for which the question might begin as it does - "Who"
        for the persons -, the likeliest by the reader first."""
        likely = nlargest(RIVALS, others, key=lambda other: log_probability(windows, other))
        asked = [(passage, question), *((passage, replace(question, answer=o)) for o in likely)]
        own, *openings = self.generator.score_openings(asked)
        return [o for o, score in zip(likely, openings, strict=True) if score > own - UNLIKE]

    @cached_property
    def _neighbours(self) -> Neighbours:
        model = self.generator.model
        return Neighbours(model.get_input_embeddings().weight, self.generator.tokenizer)

    def _check(self, drafts: Sequence[tuple[str, Question]]) -> list[tuple[Question, list[Window]]]:
        """The questions about passages with their confidence, if there is a reader, and what it
        read."""
        if not self.reader:
            return [(question, []) for _, question in drafts]
        read = self.reader.windows([(passage, q.question, q.answer) for passage, q in drafts])
        checked = []
        for (passage, question), windows in zip(drafts, read, strict=True):
            found = reading(passage, question.answer, windows)
            sure = confidence(passage, question, found, self._weights)
            checked.append((replace(question, confidence=sure), windows))
        return checked

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


def _likely_answers(passage: str, windows: Sequence[Window]) -> list[set[str]]:
    """The words of each span that the reader thinks most likely to answer its question."""
    return [
        set(answer_tokens(passage[begin:end])) for _, begin, end in best_spans(passage, windows, 3)
    ]


def _answers_too(likely: Sequence[set[str]], text: str) -> bool:
    """Whether a text is part of one of them, and so no wrong answer."""
    return any(set(answer_tokens(text)) <= span for span in likely)


def _best(passage: str, n_best: Sequence[Sequence[Question]]) -> list[Question]:
    """For each answer its best question without a problem, or else its best one."""
    return [
        next(_without_problem(passage, questions), questions[0])
        for questions in n_best
        if questions
    ]


def _without_problem(passage: str, questions: Sequence[Question]) -> Iterator[Question]:
    """Those that may be shown, best first.

    The ones that say a word twice come last: "What did the court order the buyer to pay the buyer?"
    is how a small model loses its thread.
    """
    ordered = sorted(questions, key=lambda question: words_repeated(question.question) > 0)
    return (question for question in ordered if not question_problem(question, passage))


_TOLD_BY_QUESTION = frozenset({"person", "place"})


def _may_be(kind: str, kinds: Sequence[str]) -> bool:
    """Whether a proposed answer may turn out to be of one of these kinds."""
    return kind in kinds or (kind in {"name", "phrase"} and bool(_TOLD_BY_QUESTION & set(kinds)))


def _of_kinds(
    questions: Sequence[Question], kinds: Sequence[str]
) -> tuple[list[Question], Counter[str]]:
    """The questions for answers of these kinds, or for all where there are none, with the kind that
    they ask for."""
    kept: list[Question] = []
    dropped: Counter[str] = Counter()
    for question in questions:
        answer = question.answer
        if answer is None:
            kept.append(question)
            continue
        kind = kind_asked_for(question)
        if not kinds or {kind, answer.kind} & set(kinds):
            kept.append(replace(question, answer=replace(answer, kind=kind)))
        else:
            dropped["for another kind of answer"] += 1
    return kept, dropped


def _for_each_answer(
    passage: str, n_best: Sequence[Sequence[Question]], count: int
) -> tuple[list[Question], Counter[str]]:
    """The ``count`` best questions of each answer that have no problem."""
    kept: list[Question] = []
    dropped: Counter[str] = Counter()
    for questions in n_best:
        good = list(islice(_without_problem(passage, questions), count))
        kept += good
        if not good:
            dropped.update(filter(None, (question_problem(q, passage) for q in questions)))
    return kept, dropped
