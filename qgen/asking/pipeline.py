"""From passages to questions worth asking: propose answers, ask, check with the reader, rank.

This is what the command line, batches and the web page call.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from qgen.asking import fitness, plausibility
from qgen.asking.alternatives import SURE, alternatives, sureness, surest
from qgen.asking.checks import request_problem, text_problem
from qgen.asking.choices import STATED, complete, takes_choices, wrong_answers
from qgen.asking.confidence import WEIGHTS, confidence, load_weights
from qgen.asking.document import ask_document, is_under
from qgen.asking.draft import Draft, Outcome
from qgen.asking.fitness import blanks
from qgen.asking.generator import NBestGenerator
from qgen.asking.plausibility import Plausibility
from qgen.asking.preparation import given_draft, mend, with_citations, without_citations
from qgen.asking.proposals import (
    SPARE,
    WORTH_LISTING,
    asked_first,
    asked_next,
    propose_spans,
    usable,
)
from qgen.asking.reasons import reasons
from qgen.asking.selection import rank
from qgen.asking.statements import Statement
from qgen.asking.topic import TOPIC_NEARNESS, nearness
from qgen.asking.types import are_made, opening_type, spread, statements_of
from qgen.english.citations import Uncited
from qgen.english.clean import Mended, clean_text
from qgen.english.dictionary import usual_tag
from qgen.english.paragraphs import is_long, paragraph_spans
from qgen.english.passage import sentence_spans
from qgen.english.phrases import propose_answers
from qgen.english.surface import with_articles, with_pairs
from qgen.english.words import same_answer
from qgen.errors import QGenError
from qgen.model.reader import DEFAULT_READER, Reader, Reading, Window, reading
from qgen.model.runtime.workers import alone_after_fork
from qgen.records import Answer, Question, Request, Result
from qgen.settings import STATEMENT, GenerationSettings, QuizSettings

_log = logging.getLogger(__name__)

FILLED = 0.3
"""Probability from which the reader is taken to have another filling for a blank.  No measurement
is recorded."""
STATEMENTS = 2
"""Statements that the generator writes for an answer.  No measurement is recorded."""
STATABLE = 3
"""Wrong answers found for a statement, since not every one fits its sentence."""

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
        """With a fine-tuned checkpoint, or what ships.

        Args:
            checkpoint: the question generator's; see :meth:`NBestGenerator.from_pretrained`.
            device: a torch device; by default a GPU where there is one.
            reader: the reader's checkpoint; ``None`` for no reader.
            kwargs: see :meth:`NBestGenerator.from_pretrained`.

        Raises:
            QGenError: a checkpoint cannot be loaded.
        """
        alone_after_fork()
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
        """SHA-256 of all weights, their dtype and the small models' included: what the results
        depend on."""
        files = (fitness.WEIGHTS_FILE, plausibility.WEIGHTS_FILE)
        parts = [self.generator.fingerprint, *(path.read_text(encoding="utf-8") for path in files)]
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
        """Questions about one passage, best first; see :meth:`generate`.  Offsets of answers are
        those of the passage with its characters mended (:mod:`qgen.english.clean`).

        Raises:
            QGenError: passage or answer is no text, the answer is not in the passage, a setting is
                out of range, or there is no question worth showing; the message says why.
        """
        problem = text_problem("passage", passage)
        if answer is not None:
            problem = problem or text_problem("answer", answer)
        if isinstance(answer_start, bool) or not isinstance(answer_start, int | None):
            problem = f"the answer's start must be a whole number, not {answer_start!r}"
        if problem:
            raise QGenError(problem)
        mended = Mended(passage)
        if lost := mended.problem:
            raise QGenError(lost)
        answers = () if answer is None else (mended.locate(answer, answer_start),)
        [result] = self.generate([Request(mended.text, answers)], settings, quiz)
        if not result.questions:
            raise QGenError(result.failure)
        return list(result.questions)

    def within_range(self, settings: GenerationSettings) -> GenerationSettings:
        """The settings as :meth:`generate` uses them.

        Raises:
            QGenError: they are out of the model's range, or no questions are asked by them.
        """
        settings = self.generator.within_range(settings)
        if STATEMENT in settings.controls:
            raise QGenError(f"no questions are asked under the control {STATEMENT!r}")
        return settings

    def generate(
        self,
        requests: Iterable[Request | str],
        settings: GenerationSettings | None = None,
        quiz: QuizSettings | None = None,
    ) -> list[Result]:
        """What comes of each request; one that cannot be served has no questions but a problem.

        A long passage without answers is asked about paragraph by paragraph, as a document is; see
        :func:`qgen.asking.document.ask_document`.

        Args:
            requests: passages with answers (the n-best questions of each come back, in the order
                of the answers, with a reader the surest first) or without (answers are proposed,
                and the best question of each of the best ``max_answers`` comes back; their spans
                do not overlap).  A text is a passage without answers.
            settings: how to decode.
            quiz: which questions to keep.

        Raises:
            QGenError: a setting is out of range, or there are no requests but something else.
        """
        settings = self.within_range(_settings(settings, GenerationSettings))
        quiz = _settings(quiz, QuizSettings)
        requests = _several(requests)
        given = [mend(request) for request in requests]
        long = [_is_long(request) for request in given]
        if quiz.focus and not any(is_under(request, quiz.focus) for request in given):
            long = [False] * len(given)  # none of them is asked about
        short = [request for request, of_many in zip(given, long, strict=True) if not of_many]
        asked = iter(self._asked(short, settings, quiz))
        outcomes = [
            self._asked_by_paragraph(request, settings, quiz) if of_many else next(asked)
            for request, of_many in zip(given, long, strict=True)
        ]
        return [
            each.result
            if after.passage == before.passage
            else replace(each.result, passage=after.passage)
            for each, before, after in zip(outcomes, requests, given, strict=True)
        ]

    def judged(
        self, passage: str, question: Question, windows: Sequence[Window]
    ) -> tuple[Reading, float, tuple[str, ...]]:
        """A question with its answer as the reader judges it.

        Args:
            passage: what it is about.
            question: with its answer and the generator's score.
            windows: what the reader read with it, as of :meth:`qgen.model.reader.Reader.windows`.

        Returns:
            What the reader makes of it, its confidence, and what speaks against it.
        """
        found = reading(passage, question.answer, windows)
        sure = confidence(passage, question, found, self._weights)
        return found, sure, tuple(reasons(passage, question, found))

    def propose(self, passages: Sequence[str]) -> list[list[Answer]]:
        """For each passage the answers that are worth asking for: by the reader, those that are
        asked about first with default settings, apart from one another, the most worth it first;
        without one, what the rules find, in the order they stand.  Offsets are those of the passage
        with its characters mended (:mod:`qgen.english.clean`).

        Raises:
            QGenError: a passage is no text.
        """
        if not isinstance(passages, list | tuple):
            raise QGenError(f"propose() takes a list of passages, not {type(passages).__name__}")
        for passage in passages:
            if problem := text_problem("passage", passage):
                raise QGenError(problem)
        read = [Uncited(clean_text(passage)) for passage in passages]
        texts = [uncited.text for uncited in read]
        quiz = QuizSettings()
        found = [
            usable(passage, answers, quiz)
            for passage, answers in zip(texts, self._proposed(texts, WORTH_LISTING), strict=True)
        ]
        found = [list(filter(one.is_whole, each)) for one, each in zip(read, found, strict=True)]
        if self.reader:
            found = [asked_first(answers, quiz) for answers in found]
        return [list(map(one.back, each)) for one, each in zip(read, found, strict=True)]

    def _proposed(self, passages: Sequence[str], within: float = math.inf) -> list[list[Answer]]:
        """All answers that may be asked for, of passages that are mended already, the most worth it
        first; they overlap, and the last are worth nothing."""
        by_rule = [propose_answers(passage) for passage in passages]
        if not self.reader:
            return by_rule
        read = self.reader.windows([(passage, "", None) for passage in passages])
        return [
            propose_spans(passage, windows, answers, within)
            for passage, windows, answers in zip(passages, read, by_rule, strict=True)
        ]

    def _asked(
        self, requests: Sequence[Request], settings: GenerationSettings, quiz: QuizSettings
    ) -> list[Outcome]:
        """What comes of requests that are not asked about by paragraph; the models read their
        passages without citations."""
        left_out = self._passed_over(requests, quiz)
        if any(left_out):
            left = [r for r, why in zip(requests, left_out, strict=True) if not why]
            asked = iter(self._asked(left, settings, replace(quiz, topic="", focus="")))
            return [Outcome(passed_over=why) if why else next(asked) for why in left_out]
        read = [without_citations(request) for request in requests]
        texts, cuts = [text for text, _ in read], [cut for _, cut in read]
        outcomes = self._asked_whole(texts, cuts, settings, quiz)
        for outcome, request, uncited in zip(outcomes, requests, cuts, strict=True):
            if uncited:
                outcome.kept = [with_citations(draft, request, uncited) for draft in outcome.kept]
        return outcomes

    def _asked_whole(
        self,
        requests: Sequence[Request],
        uncited: Sequence[Uncited | None],
        settings: GenerationSettings,
        quiz: QuizSettings,
    ) -> list[Outcome]:
        """What comes of requests whose passages are read as they are; of those that were without
        their citations, what they were."""
        wanted = quiz
        if are_made(quiz.types):  # many sentences do not stand by themselves
            quiz = replace(quiz, max_answers=SPARE * quiz.max_answers)
        drafts, spare = self._propose(requests, uncited, quiz)
        done: list[list[Draft]] = [[] for _ in requests]
        outcomes = [Outcome() for _ in requests]
        while drafts:
            self._ask(drafts, settings)
            touched = dict.fromkeys(draft.number for draft in drafts)
            for draft in self._check(drafts, settings.num_return_sequences, quiz):
                done[draft.number].append(draft)
            drafts = []
            for number in touched:
                outcomes[number] = _ranked(done[number], quiz)
                more = asked_next(spare[number], len(done[number]), outcomes[number].kept, quiz)
                of = requests[number]
                drafts += [Draft(number, of.passage, a, of.beside, spare=True) for a in more]
        if are_made(quiz.types):
            kept = [draft for outcome in outcomes for draft in outcome.kept]
            self._state(kept)
            for outcome in outcomes:
                self._vary(outcome, wanted)
        if quiz.choices:
            kept = [draft for each in outcomes for draft in each.kept if takes_choices(draft)]
            self._read(kept)
            complete(kept, quiz.choices - 1, self._plausibility)
        return outcomes

    def _passed_over(self, requests: Sequence[Request], quiz: QuizSettings) -> list[str]:
        """Of each request why it is not asked about, or nothing: that it is under no such heading,
        or far from the topic.  What is asked for a given answer is always asked."""
        why = [""] * len(requests)
        open_ones = [i for i, request in enumerate(requests) if not request.answers]
        if quiz.focus:
            for i in open_ones:
                if not is_under(requests[i], quiz.focus):
                    why[i] = f"no heading above the passage has {quiz.focus!r}"
        open_ones = [i for i in open_ones if not why[i] and isinstance(requests[i].passage, str)]
        if quiz.topic and open_ones:
            passages = [requests[i].passage for i in open_ones]
            near = nearness(quiz.topic, passages, self.generator.word_vectors)
            for i, value in zip(open_ones, near, strict=True):
                if value < TOPIC_NEARNESS:
                    why[i] = f"nothing is near the topic {quiz.topic!r}"
        return why

    @cached_property
    def _plausibility(self) -> Plausibility:
        return Plausibility(self.generator, self.reader)

    def _asked_by_paragraph(
        self, request: Request, settings: GenerationSettings, quiz: QuizSettings
    ) -> Outcome:
        """What comes of a long passage: the best questions about its paragraphs, best first."""
        spans = paragraph_spans(request.passage)
        paragraphs = [
            Request(request.passage[begin:end], headings=request.headings) for begin, end in spans
        ]

        def generate(requests, settings, quiz):
            return [each.result for each in self._asked(requests, settings, quiz)]

        results = ask_document(generate, paragraphs, settings, quiz)
        outcome = Outcome()
        for (begin, _), result in zip(spans, results, strict=True):
            outcome.dropped += Counter(result.dropped)
            for question in result.questions:
                assert question.answer
                answer = replace(question.answer, start=begin + question.answer.start)
                moved = replace(question, answer=answer)
                outcome.kept.append(Draft(0, request.passage, answer, question=moved))
        outcome.kept.sort(key=lambda draft: draft.question.sureness, reverse=True)  # type: ignore
        if not outcome.kept:  # else it does not matter that a table stands among the paragraphs
            outcome.problems = list(dict.fromkeys(p for each in results for p in each.problems))
            if all(each.passed_over for each in results):
                outcome.passed_over = results[0].passed_over
        return outcome

    # -- the stages --------------------------------------------------------------------------------

    def _propose(
        self, requests: Sequence[Request], uncited: Sequence[Uncited | None], quiz: QuizSettings
    ) -> tuple[list[Draft], list[list[Answer]]]:
        """A draft for each answer to ask for and for each problem, and for each request the answers
        that may be asked for later, should these not do."""
        problems = [request_problem(request) for request in requests]
        proposed = iter(
            self._proposed(
                [
                    request.passage
                    for request, problem in zip(requests, problems, strict=True)
                    if not problem and not request.answers
                ]
            )
        )
        drafts: list[Draft] = []
        spare: list[list[Answer]] = [[] for _ in requests]
        for number, (request, problem) in enumerate(zip(requests, problems, strict=True)):
            if problem:
                drafts.append(Draft(number, request.passage, problem=problem))
            elif request.answers:
                drafts += [given_draft(number, request, answer) for answer in request.answers]
            else:
                answers = usable(request.passage, next(proposed), quiz)
                if cut := uncited[number]:
                    answers = [answer for answer in answers if cut.is_whole(answer)]
                first = asked_first(answers, quiz) if self.reader else answers
                spare[number] = [answer for answer in answers if answer not in first]
                drafts += [
                    Draft(number, request.passage, answer, request.beside) for answer in first
                ] or [Draft(number, request.passage, problem=_NOTHING_PROPOSED)]
        return drafts, spare

    def _ask(self, drafts: Sequence[Draft], settings: GenerationSettings) -> None:
        """Give each draft its n-best."""
        # A beam that gives its answer away makes room for the next one, so ask for all of them.
        asked = [draft for draft in drafts if not draft.problem]
        found = self.generator.n_best(
            [(draft.passage, draft.answer) for draft in asked],
            replace(settings, num_return_sequences=settings.width),
        )
        for draft, each in zip(asked, found, strict=True):
            draft.n_best = [
                replace(q, question=with_articles(with_pairs(q.question))) for q in each.questions
            ]
            draft.problem = each.problem

    def _check(self, drafts: Sequence[Draft], count: int, quiz: QuizSettings) -> list[Draft]:
        """The drafts with a question each, and with its confidence, if there is a reader.

        Of a given answer, ``count`` drafts come back where so many of its n-best have no problem:
        with a reader the surest first.  Where the reader is not :data:`SURE` of one of them,
        :data:`~qgen.asking.alternatives.TRIED` of the n-best are read, and the surest are taken.
        """
        tried = [alternatives(draft, count if draft.given else 1, quiz) for draft in drafts]
        if not self.reader:
            return [one for first, _ in tried for one in first]
        self._judge([one for first, _ in tried for one in first])
        unsure = [others for first, others in tried if min(map(sureness, first)) < SURE]
        self._judge([one for others in unsure for one in others])
        return [one for first, others in tried for one in surest(first, others)]

    def _judge(self, drafts: Sequence[Draft]) -> None:
        """Give the drafts' questions their confidence, and what speaks against them."""
        asked = [draft for draft in drafts if draft.question]
        self._read(asked)
        for draft in asked:
            question = draft.question
            assert question
            _, sure, against = self.judged(draft.passage, question, draft.windows)
            draft.question = replace(question, confidence=sure, reasons=against)

    def _read(self, drafts: Sequence[Draft]) -> None:
        """Have the reader read the questions of those drafts that it has not read yet."""
        if not self.reader:
            return
        unread = [(draft, q) for draft in drafts if (q := draft.question) and not draft.windows]
        read = self.reader.windows([(d.passage, q.question, q.answer) for d, q in unread])
        for (draft, _), windows in zip(unread, read, strict=True):
            draft.windows = windows

    def _state(self, drafts: Sequence[Draft]) -> None:
        """Give the drafts the statements that the generator writes with their answers, and what the
        models make of all that have these."""
        drafts = [d for d in drafts if d.question and opening_type(d.question.question) == "wh"]
        if STATEMENT in self.generator.controls:
            # The shortlist is of the words of questions.
            settings = GenerationSettings(
                controls=(STATEMENT,), num_return_sequences=STATEMENTS, use_shortlist=False
            )
            inputs = [(draft.passage, draft.answer) for draft in drafts]
            for draft, found in zip(drafts, self.generator.n_best(inputs, settings), strict=True):
                draft.written = [text.question for text in found.questions]
        if not self.reader:
            return
        made = [
            (d, each) for d in drafts for each in statements_of(d) if isinstance(each, Statement)
        ]
        of = [(draft.passage, draft.answer, each) for draft, each in made if draft.answer]
        for (draft, each), blank in zip(made, blanks(self.generator, self.reader, of), strict=True):
            draft.blanks[each.cloze] = blank

    def _vary(self, outcome: Outcome, quiz: QuizSettings) -> None:
        """Make questions of the types wanted of those that are kept."""
        self._read(outcome.kept)
        given = bool(outcome.kept) and outcome.kept[0].given
        count = None if given else quiz.max_answers

        def wrong(draft: Draft, found: Statement) -> list[str]:
            beside = found.before + found.after
            return wrong_answers(draft, STATABLE, self._plausibility, STATED, beside)

        outcome.kept, unfit = spread(
            outcome.kept, quiz.types, count, wrong, self._filled_otherwise, quiz.min_confidence
        )
        outcome.dropped += unfit

    def _filled_otherwise(self, draft: Draft, sentence: str) -> bool:
        """Whether the passage without the answer's sentence has another filling for its blank."""
        assert draft.question and draft.question.answer
        answer = draft.question.answer
        spans = sentence_spans(draft.passage)
        rest = " ".join(
            draft.passage[begin:end] for begin, end in spans if not begin <= answer.start < end
        )
        if not self.reader or not rest:
            return False
        found = reading(rest, None, self.reader.windows([(rest, sentence, None)])[0])
        sure = found.probability > max(FILLED, found.unanswerable)
        return sure and not same_answer(found.answer.text, answer.text)


def _settings(given, kind):
    """The settings, or the usual ones for ``None``."""
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise QGenError(f"settings must be {kind.__name__}, not {type(given).__name__}")
    return given


def _several(requests) -> list[Request]:
    if isinstance(requests, str | bytes | Request | Mapping) or not isinstance(requests, Iterable):
        raise QGenError("generate() takes a list of requests; questions() takes a single passage")
    return [one if isinstance(one, Request) else Request(one) for one in requests]


def _is_long(request: Request) -> bool:
    """Whether a request is asked about paragraph by paragraph."""
    return not request.answers and isinstance(request.passage, str) and is_long(request.passage)


def _ranked(drafts: Sequence[Draft], quiz: QuizSettings) -> Outcome:
    """What becomes of the drafts of one request."""
    dropped = Counter(reason for draft in drafts for reason in draft.dropped)
    problems = list(dict.fromkeys(draft.problem for draft in drafts if draft.problem))
    kept = [draft for draft in drafts if draft.question]
    if kept and not kept[0].given:
        kept, unfit = rank(kept, quiz)
        dropped = Counter(unfit) + dropped
    return Outcome(kept, dropped, problems)
