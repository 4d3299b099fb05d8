"""From passages to questions worth asking: propose answers, ask, check with the reader, rank.

This is what the command line, batches and the web page call.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from heapq import nlargest
from itertools import islice
from pathlib import Path

from qgen.asking.checks import answer_problem, kind_asked_for, question_problem
from qgen.asking.confidence import WEIGHTS, confidence, load_weights
from qgen.asking.distractors import Neighbours, distractors
from qgen.asking.draft import Draft
from qgen.asking.generator import NBestGenerator
from qgen.asking.proposals import apart, propose_spans
from qgen.asking.selection import rank
from qgen.english.dictionary import usual_tag
from qgen.english.locate import locate_answer
from qgen.english.phrases import propose_answers
from qgen.english.prose import passage_problem
from qgen.english.words import answer_tokens, words_repeated
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

_log = logging.getLogger(__name__)

SPARE = 2
"""Proposed answers asked about for each question wanted, since some questions will be dropped."""

RIVALS = 10
"""Other answers of the passage looked at for wrong ones."""
UNLIKE = 2.5
"""Nats by which the beginning of a question may be less probable for a wrong answer."""


_NOTHING_PROPOSED = "no answer could be proposed for the passage; give one"


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
        usual_tag("")  # has the tagger's words read, once, which every passage needs
        generator = NBestGenerator.from_pretrained(checkpoint, device, **kwargs)
        if reader == DEFAULT_READER and not DEFAULT_READER.exists():
            _log.warning("the reader is missing: questions are not checked")
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
        drafts = self._propose(requests, quiz)
        self._ask(drafts, settings)
        drafts = self._check(drafts, settings.num_return_sequences, quiz)
        by_request: list[list[Draft]] = [[] for _ in requests]
        for draft in drafts:
            by_request[draft.request].append(draft)
        return [self._complete(*_ranked(of_one, quiz), quiz) for of_one in by_request]

    def propose(self, passages: Sequence[str]) -> list[list[Answer]]:
        """For each passage the answers that may be asked for: by the reader, the ones most worth it
        first; without one, in the order they stand."""
        by_rule = [propose_answers(passage) for passage in passages]
        if not self.reader:
            return by_rule
        read = self.reader.windows([(passage, "", None) for passage in passages])
        return list(map(propose_spans, passages, read, by_rule))

    # -- the stages --------------------------------------------------------------------------------

    def _propose(self, requests: Sequence[Request], quiz: QuizSettings) -> list[Draft]:
        """A draft for each answer to ask for, and for each problem."""
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
        drafts = []
        for number, (request, problem) in enumerate(zip(requests, problems, strict=True)):
            if problem:
                drafts.append(Draft(number, request.passage, problem=problem))
            elif request.answers:
                drafts += [
                    Draft(
                        number,
                        request.passage,
                        answer,
                        given=True,
                        problem=answer_problem(request.passage, answer) or "",
                    )
                    for answer in request.answers
                ]
            else:
                answers = self._worth_asking(request.passage, next(proposed), quiz)
                drafts += [Draft(number, request.passage, answer) for answer in answers] or [
                    Draft(number, request.passage, problem=_NOTHING_PROPOSED)
                ]
        return drafts

    def _worth_asking(
        self, passage: str, answers: Sequence[Answer], quiz: QuizSettings
    ) -> list[Answer]:
        """Those of a passage's proposed answers that are asked for."""
        if quiz.kinds:
            answers = [answer for answer in answers if _may_be(answer.kind, quiz.kinds)]
        usable = [answer for answer in answers if not answer_problem(passage, answer)]
        if not self.reader:
            return usable
        spare = SPARE * (2 if _TOLD_BY_QUESTION & set(quiz.kinds) else 1)
        return apart(usable, spare * quiz.max_answers)

    def _ask(self, drafts: Sequence[Draft], settings: GenerationSettings) -> None:
        """Give each draft its n-best."""
        # A beam that gives its answer away makes room for the next one, so ask for all of them.
        every = settings.num_return_sequences if settings.do_sample else settings.num_beams
        asked = [draft for draft in drafts if not draft.problem]
        found = self.generator.n_best(
            [(draft.passage, draft.answer) for draft in asked],
            replace(settings, num_return_sequences=every),
        )
        for draft, each in zip(asked, found, strict=True):
            draft.n_best, draft.problem = each.questions, each.problem

    def _check(self, drafts: Sequence[Draft], count: int, quiz: QuizSettings) -> list[Draft]:
        """The drafts with a question each, and with its confidence, if there is a reader.

        Of a given answer, ``count`` drafts come back where so many of its n-best have no problem.
        """
        drafts = [chosen for draft in drafts for chosen in _chosen(draft, count, quiz.kinds)]
        if not self.reader:
            return drafts
        asked = [(draft, draft.question) for draft in drafts if draft.question]
        read = self.reader.windows([(d.passage, q.question, q.answer) for d, q in asked])
        for (draft, question), windows in zip(asked, read, strict=True):
            found = reading(draft.passage, question.answer, windows)
            sure = confidence(draft.passage, question, found, self._weights)
            draft.question, draft.windows = replace(question, confidence=sure), windows
        return drafts

    def _complete(
        self, kept: Sequence[Draft], dropped: Counter[str], problems: Iterable[str], quiz
    ) -> Result:
        """A request's result, with wrong answers beside the right ones if they are asked for."""
        if quiz.choices and kept:
            others = propose_answers(kept[0].passage)
            for draft in kept:
                self._add_distractors(draft, others, quiz.choices - 1)
        questions = tuple(draft.question for draft in kept if draft.question)
        return Result(questions, dict(dropped), tuple(problems))

    def _add_distractors(self, draft: Draft, others: Sequence[Answer], count: int) -> None:
        """Give a draft's question so many of the wrong answers that fit it best."""
        question = draft.question
        assert question and question.answer
        wrong = distractors(
            draft.passage,
            question.question,
            question.answer,
            others,
            self._neighbours,
            count,
            partial(_answers_too, _likely_answers(draft.passage, draft.windows)),
            partial(self._plausible, draft.passage, question, draft.windows),
        )
        draft.question = replace(question, distractors=tuple(wrong))

    def _plausible(
        self, passage: str, question: Question, windows: Sequence[Window], others: list[Answer]
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


def _likely_answers(passage: str, windows: Sequence[Window]) -> list[set[str]]:
    """The words of each span that the reader thinks most likely to answer its question."""
    return [
        set(answer_tokens(passage[begin:end])) for _, begin, end in best_spans(passage, windows, 3)
    ]


def _answers_too(likely: Sequence[set[str]], text: str) -> bool:
    """Whether a text is part of one of them, and so no wrong answer."""
    return any(set(answer_tokens(text)) <= span for span in likely)


def _ranked(
    drafts: Sequence[Draft], quiz: QuizSettings
) -> tuple[list[Draft], Counter[str], list[str]]:
    """The drafts of one request whose questions are kept, why others were dropped, and what could
    not be asked."""
    dropped = Counter(reason for draft in drafts for reason in draft.dropped)
    problems = list(dict.fromkeys(draft.problem for draft in drafts if draft.problem))
    kept = [draft for draft in drafts if draft.question]
    if kept and not kept[0].given:
        kept, unfit = rank(kept, quiz)
        dropped = Counter(unfit) + dropped
    return kept, dropped, problems


def _chosen(draft: Draft, count: int, kinds: Sequence[str]) -> list[Draft]:
    """The draft with the question chosen of its n-best; of a given answer, one draft for each of
    the ``count`` best that have no problem."""
    if draft.problem or not draft.n_best:
        return [draft]
    fit = list(islice(_without_problem(draft.passage, draft.n_best), count if draft.given else 1))
    if draft.given:
        if fit:
            return [replace(draft, question=question) for question in fit]
        why = [question_problem(draft.passage, question) for question in draft.n_best]
        return [replace(draft, dropped=tuple(filter(None, why)))]
    question = next(iter(fit), draft.n_best[0])  # without a fit one, ranking says why
    answer = question.answer
    assert answer
    kind = kind_asked_for(question)
    if kinds and not {kind, answer.kind} & set(kinds):
        return [replace(draft, dropped=("for another kind of answer",))]
    return [replace(draft, question=replace(question, answer=replace(answer, kind=kind)))]


def _without_problem(passage: str, questions: Sequence[Question]) -> Iterator[Question]:
    """Those that may be shown, best first.

    The ones that say a word twice come last: "What did the court order the buyer to pay the buyer?"
    is how a small model loses its thread.
    """
    ordered = sorted(questions, key=lambda question: words_repeated(question.question) > 0)
    return (question for question in ordered if not question_problem(passage, question))


_TOLD_BY_QUESTION = frozenset({"person", "place"})


def _may_be(kind: str, kinds: Sequence[str]) -> bool:
    """Whether a proposed answer may turn out to be of one of these kinds."""
    return kind in kinds or (kind in {"name", "phrase"} and bool(_TOLD_BY_QUESTION & set(kinds)))
