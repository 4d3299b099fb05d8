"""A passage and an answer in, the n-best questions out; nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from qgen.asking.checks import text_problem
from qgen.english.surface import recase, respace
from qgen.english.verbs import correct_verbs
from qgen.errors import QGenError, check_rows
from qgen.model.checkpoints import DEFAULT_GENERATOR, fingerprint, load_generator, move_to
from qgen.model.decoding import decode
from qgen.model.ensemble import Ensemble
from qgen.model.runtime.batches import in_batches
from qgen.model.runtime.linear import set_dtype
from qgen.model.runtime.workers import alone_after_fork
from qgen.model.sources import AnswerTooLongError, pack_source, pack_target, pad, word_pieces_joined
from qgen.model.tokenizer import AnyTokenizer
from qgen.model.unilm import IGNORE_INDEX, UniLM
from qgen.model.vectors import WordVectors
from qgen.records import Answer, Question
from qgen.settings import CONTROLS_OF_KINDS, STATEMENT, GenerationSettings

_OPENING = re.compile(r"\b(?:who|whom|when|where|why|which|(?:whose|what|how)(?:\s+\w+)?)\b", re.I)
"""The question word, with the next where that is part of it, as in "how many"."""


MOST_BEAMS = 100
"""Beams, or samples, for an answer.  A system that is out of memory kills the process without a
word; with a hundred "fast" takes less than a gigabyte.  The caches of "best" are three times as
large; what it takes was not measured."""


@dataclass
class NBest:
    """What came of one input.

    Attributes:
        questions: best first.
        problem: a sentence that says why it could not be asked about; empty where it could.
    """

    questions: list[Question] = field(default_factory=list)
    problem: str = ""


class NBestGenerator:
    """A model, its tokenizer and a device.

    Args:
        model: the model; it is moved to ``device`` and put into ``eval`` mode.
        tokenizer: its tokenizer.
        device: a torch device; by default a GPU where there is one.
        batch_size: sources of usual length decoded together, fewer long ones and more short ones;
            on a CPU each core has such a batch at once.
        restore_case: give the questions of an uncased model the passage's capitals.
    """

    def __init__(
        self,
        model: UniLM | Ensemble,
        tokenizer: AnyTokenizer,
        device: str | torch.device | None = None,
        batch_size: int = 16,
        restore_case: bool = True,
    ):
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise QGenError(f"batch_size must be a whole number of at least 1, not {batch_size!r}")
        self.device = move_to(model, device)
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.restore_case = restore_case

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str = "auto",
        **kwargs,
    ) -> NBestGenerator:
        """Load a fine-tuned checkpoint, or what ships.

        Args:
            checkpoint: a directory or hub name, or ``"fast"`` or ``"best"``, which ship; by default
                "fast".
            device: see above.
            dtype: of the arithmetic; see :func:`qgen.model.runtime.linear.set_dtype`.
            kwargs: the other arguments of the class.

        Raises:
            QGenError: there is no such checkpoint, it is corrupt, it is an encoder that has not
                been fine-tuned, or there is no such device or arithmetic.
        """
        model, tokenizer = load_generator(checkpoint or DEFAULT_GENERATOR)
        generator = cls(model, tokenizer, device, **kwargs)
        set_dtype(model, dtype)
        return generator

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the configuration and the weights: what the questions depend on."""
        return fingerprint(self.model)

    @property
    def controls(self) -> Mapping[str, int]:
        """The controls that the model knows, each with its token."""
        return self.model.config.controls or {}

    @cached_property
    def word_vectors(self) -> WordVectors:
        """Of the model's word embeddings."""
        return WordVectors(self.model.get_input_embeddings().weight, self.tokenizer)

    def within_range(self, settings: GenerationSettings) -> GenerationSettings:
        """The settings with ``max_length`` cut to what the model was trained for.

        Raises:
            QGenError: ``min_length`` is more than that, the model does not know a control, or so
                many beams or samples may fill the memory.
        """
        if not isinstance(settings, GenerationSettings):
            raise QGenError(f"settings must be GenerationSettings, not {type(settings).__name__}")
        most, known = self.model.config.max_target_length, self.controls
        for name in settings.controls:
            if name not in known:
                # no question is asked under that of statements
                names = ", ".join(sorted({*known} - {STATEMENT})) or "none"
                raise QGenError(f"this model knows no control {name!r}; it knows {names}")
        if settings.min_length >= most:
            raise QGenError(f"min_length must be below {most}, this model's longest question")
        if settings.width > MOST_BEAMS:
            name = "num_return_sequences" if settings.do_sample else "num_beams"
            raise QGenError(f"{name} must be at most {MOST_BEAMS}")
        return replace(settings, max_length=min(settings.max_length, most))

    def generate(
        self,
        inputs: Sequence[tuple[str, Answer | None]],
        settings: GenerationSettings | None = None,
    ) -> list[list[Question]]:
        """The questions for each passage and answer, best first.

        Args:
            inputs: passages, each with a span of it to ask for, or ``None`` to ask about all of it
                (answer-agnostic, Du et al. 2017).
            settings: how to decode.  An answer whose ``kind`` is a control of the model is asked
                for by that one too.

        Returns:
            ``settings.num_return_sequences`` different questions per input, or fewer where beam
            search ended with fewer; with their verbs as
            :func:`qgen.english.verbs.correct_verbs` has them.

        Raises:
            QGenError: an answer is too long, a setting is out of the model's range, or it does not
                know a control.
        """
        found = self.n_best(inputs, settings)
        for each in found:
            if each.problem:
                raise QGenError(each.problem)
        return [each.questions for each in found]

    def n_best(
        self,
        inputs: Sequence[tuple[str, Answer | None]],
        settings: GenerationSettings | None = None,
    ) -> list[NBest]:
        """As :meth:`generate`; an input that cannot be asked about has a problem and no questions,
        and the others are decoded together.

        Raises:
            QGenError: a setting is out of the model's range.
        """
        settings = self.within_range(GenerationSettings() if settings is None else settings)
        check_rows("inputs", inputs, object, Answer | None)
        results = [NBest() for _ in inputs]
        sources: dict[int, list[int]] = {}  # by number of the input
        for i, (passage, answer) in enumerate(inputs):
            try:
                sources[i] = self._source(passage, answer, settings)
            except QGenError as error:
                results[i].problem = str(error)

        def ask(rows: Sequence[int]) -> list[list[Question]]:
            input_ids = pad([sources[i] for i in rows], self.tokenizer.pad_token_id)
            mask = pad([[1] * len(sources[i]) for i in rows], 0)
            output = decode(self.model, input_ids.to(self.device), mask.to(self.device), settings)
            return [
                self._questions(*inputs[i], sequences, scores, settings)
                for i, sequences, scores in zip(
                    rows, output.sequences.tolist(), output.scores.tolist(), strict=True
                )
            ]

        # A batch needs about as much memory - slots of the decoder's cache are what grows - as
        # `batch_size` sources of the length in training with the usual beams.
        config, usual = self.model.config, GenerationSettings()
        sizes = [len(ids) + settings.width * (settings.max_length + 1) for ids in sources.values()]
        slots = config.max_source_length + usual.width * (config.max_target_length + 1)
        budget, most = self.batch_size * slots, 2 * self.batch_size
        asked = in_batches(ask, list(sources), sizes, budget, most, self.device)
        for i, questions in zip(sources, asked, strict=True):
            results[i].questions = questions
        return results

    def _questions(
        self,
        passage: str,
        answer: Answer | None,
        sequences: list[list[int]],
        scores: list[float],
        settings: GenerationSettings,
    ) -> list[Question]:
        """What was decoded for one input, as questions."""
        questions: list[Question] = []
        for ids, score in zip(sequences, scores, strict=True):
            if score == float("-inf"):
                continue
            question = unpack_target(self.tokenizer, ids, passage, self.restore_case)
            if STATEMENT not in settings.controls:
                question = correct_verbs(question)
            if any(question == better.question for better in questions):
                continue  # the same but for the verb that was corrected
            length = sum(token != self.tokenizer.pad_token_id for token in ids)
            per_token = score * length ** (settings.length_penalty - 1)
            questions.append(Question(question, answer, per_token))
        return questions

    def score(
        self, questions: Sequence[tuple[str, Question]], controls: Sequence[str] = ()
    ) -> list[float]:
        """How probable the model finds questions, whoever asked them.

        Args:
            questions: passages, each with a question about it.
            controls: under which they would be asked.

        Returns:
            For each the mean log-probability of its tokens among the whole vocabulary, in nats;
            compare :attr:`qgen.records.Question.score`.

        Raises:
            QGenError: an answer is too long.
        """
        check_rows("questions", questions, str, Question)
        scored = self._token_scores(questions, controls)
        return [sum(tokens) / len(tokens) for tokens in scored]

    def score_openings(self, questions: Sequence[tuple[str, Question]]) -> list[float]:
        """How probable the model finds it that questions begin as they do, with "Who", "In which
        year" or "How many": whether that is what it would ask for the answer.

        Args:
            questions: as of :meth:`score`.

        Returns:
            For each the sum of the log-probabilities, in nats.

        Raises:
            QGenError: an answer is too long.
        """
        check_rows("questions", questions, str, Question)
        openings = [_OPENING.search(question.question) for _, question in questions]
        texts = [opening.string[: opening.end()] if opening else "" for opening in openings]
        tokens = self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        return [
            sum(scores[: max(1, len(opening))])
            for scores, opening in zip(self._token_scores(questions), tokens, strict=True)
        ]

    @torch.inference_mode()
    def _token_scores(
        self, questions: Sequence[tuple[str, Question]], controls: Sequence[str] = ()
    ) -> list[list[float]]:
        """The log-probability of each token of each question, the closing ``[SEP]`` among them."""
        alone_after_fork()
        scores = []
        for input_ids, mask, labels in self._packed(questions, controls):
            found = self.model.score_targets(input_ids, mask, labels)
            lengths = labels.ne(IGNORE_INDEX).sum(1)
            scores += [
                row[:length] for row, length in zip(found.tolist(), lengths.tolist(), strict=True)
            ]
        return scores

    def _packed(
        self, questions: Sequence[tuple[str, Question]], controls: Sequence[str]
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batch by batch the sources, where they are real, and the questions as labels: ``[batch,
        length]`` each."""
        padding = self.tokenizer.pad_token_id
        settings = self.within_range(GenerationSettings(controls=tuple(controls)))
        for begin in range(0, len(questions), self.batch_size):
            batch = questions[begin : begin + self.batch_size]
            sources = [self._source(passage, q.answer, settings) for passage, q in batch]
            targets = [
                pack_target(self.tokenizer, q.question, settings.max_length) for _, q in batch
            ]
            mask = pad([[1] * len(source) for source in sources], 0)
            input_ids, labels = pad(sources, padding), pad(targets, IGNORE_INDEX)
            yield input_ids.to(self.device), mask.to(self.device), labels.to(self.device)

    def _source(
        self, passage: str, answer: Answer | None, settings: GenerationSettings
    ) -> list[int]:
        """The packed source: as long as in training, or longer where the answer needs it."""
        if problem := text_problem("passage", passage):
            raise QGenError(problem)
        config = self.model.config
        most = self.model.max_positions - settings.max_length
        window = min(config.max_source_length, most)
        markers = config.answer_marker_ids or ()
        controls = self._control_ids(answer, settings)
        try:
            return pack_source(self.tokenizer, passage, answer, window, markers, controls)
        except AnswerTooLongError as error:
            wider = min(error.required_length, most)
            return pack_source(self.tokenizer, passage, answer, wider, markers, controls)

    def _control_ids(self, answer: Answer | None, settings: GenerationSettings) -> list[int]:
        """The tokens of the controls that the settings name, and of the answer's kind."""
        known = self.controls
        kind = answer.kind if answer and STATEMENT not in settings.controls else ""
        names = [*settings.controls, CONTROLS_OF_KINDS.get(kind, kind)]
        return [known[name] for name in dict.fromkeys(names) if name in known]


def unpack_target(
    tokenizer: AnyTokenizer, ids: Sequence[int], passage: str, restore_case: bool = True
) -> str:
    """The question that target ids spell, with the passage's spacing and capitals.

    The word pieces are joined here and not by the tokenizer, some of whose decoders close up the
    spaces round punctuation before it is known which ones the passage has.

    Args:
        tokenizer: the model's.
        ids: token ids; special ones are left out.
        passage: the text the question is about.
        restore_case: give the question the passage's capitals and accents.
    """
    text = respace(word_pieces_joined(tokenizer, ids), passage)
    return recase(text, passage) if restore_case else text
