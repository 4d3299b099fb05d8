"""From passages to questions: the interface that the command line, batches and web UI share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from qgen.candidates import propose_answers
from qgen.errors import QGenError
from qgen.modeling import UniLMConfig, UniLMForConditionalGeneration
from qgen.packing import AnswerTooLongError, locate_answer, pack_source, pad
from qgen.settings import GenerationSettings
from qgen.text import fold, recase, respace
from qgen.types import Example, Question, Request

DEFAULT_CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The fine-tuned model that ships with the package."""


class QuestionGenerator:
    """A model, its tokenizer and a device.

    Args:
        model: the model; it is moved to ``device`` and put into ``eval`` mode.
        tokenizer: its tokenizer.
        device: a torch device; by default a GPU where there is one.
        batch_size: sources decoded at once.
        restore_case: give the questions of an uncased model the passage's capitals.
    """

    def __init__(
        self,
        model: UniLMForConditionalGeneration,
        tokenizer: PreTrainedTokenizerBase,
        device: str | torch.device | None = None,
        batch_size: int = 16,
        restore_case: bool = True,
    ):
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.to(self.device).eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.restore_case = restore_case

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path | None = None, device: str | None = None, **kwargs
    ) -> QuestionGenerator:
        """Load a fine-tuned checkpoint: a directory or hub name, or the one that ships.

        Raises:
            QGenError: there is no such checkpoint, it is corrupt, it is an encoder that has not
                been fine-tuned, or there is no such device.
        """
        model, tokenizer = load_checkpoint(checkpoint or DEFAULT_CHECKPOINT, fine_tuned=True)
        try:
            return cls(model, tokenizer, device, **kwargs)
        except (RuntimeError, AssertionError) as error:
            raise QGenError(f"cannot use device {device!r}: {_first_line(error)}") from error

    def questions(
        self,
        passage: str,
        answer: str | None = None,
        answer_start: int | None = None,
        settings: GenerationSettings | None = None,
        max_answers: int = 10,
    ) -> list[Question]:
        """Questions about one passage, best first; see :meth:`generate`."""
        return self.generate([Request(passage, answer, answer_start)], settings, max_answers)[0]

    def generate(
        self,
        requests: Sequence[Request],
        settings: GenerationSettings | None = None,
        max_answers: int = 10,
    ) -> list[list[Question]]:
        """Questions for each request, best first.

        Args:
            requests: passages with an answer (its n-best questions come back) or without (answers
                are proposed, and the best question of each of the best ``max_answers`` comes back;
                their spans do not overlap).
            settings: how to decode.
            max_answers: questions per request without an answer.

        Raises:
            QGenError: a passage is empty, an answer is not in its passage or too long, or a
                setting is out of range.
        """
        settings = settings or GenerationSettings()
        if max_answers < 1:
            raise QGenError("the number of answers must be at least 1")
        examples: list[Example] = []
        owners: list[int] = []
        for owner, request in enumerate(requests):
            spans = self._spans(request)
            examples += spans
            owners += [owner] * len(spans)
        generated = self._decode(examples, settings)
        results: list[list[Question]] = [[] for _ in requests]
        for owner, questions in zip(owners, generated):
            results[owner] += questions
        return [
            _best_of_answers(questions, max_answers) if request.answer is None else questions
            for request, questions in zip(requests, results)
        ]

    def agnostic(
        self, passages: Sequence[str], settings: GenerationSettings | None = None
    ) -> list[list[Question]]:
        """Answer-agnostic questions: the source is the passage alone (Du et al. 2017).

        Returns and raises as :meth:`generate`; the answers of the questions are empty.
        """
        examples = [Example(passage) for passage in passages]
        return self._decode(examples, settings or GenerationSettings())

    def _spans(self, request: Request) -> list[Example]:
        """The request's answer, or the answers proposed for it, as located examples."""
        if request.answer is not None:
            if not request.answer.strip():
                raise QGenError("the answer is empty")
            return [locate_answer(Example(request.passage, request.answer, request.answer_start))]
        if not request.passage.strip():
            raise QGenError("the passage is empty")
        candidates = propose_answers(request.passage)
        if not candidates:
            raise QGenError("no answer could be proposed for the passage; give one")
        return [Example(request.passage, c.text, c.start) for c in candidates]

    def _decode(
        self, examples: Sequence[Example], settings: GenerationSettings
    ) -> list[list[Question]]:
        config = self.model.config
        settings = replace(settings, max_length=min(settings.max_length, config.max_target_length))
        most = self.model.max_positions - settings.max_length
        window = min(config.max_source_length, most)
        sources = [self._source(example, window, most) for example in examples]
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        results: list[list[Question]] = [[] for _ in sources]
        for begin in range(0, len(order), self.batch_size):
            rows = order[begin : begin + self.batch_size]
            input_ids = pad([sources[i] for i in rows], self.tokenizer.pad_token_id)
            lengths = torch.tensor([len(sources[i]) for i in rows])
            mask = torch.arange(input_ids.shape[1]) < lengths[:, None]
            output = self.model.generate(input_ids.to(self.device), mask.to(self.device), settings)
            for i, sequences, scores in zip(rows, output.sequences, output.scores.tolist()):
                results[i] = [
                    Question(
                        self._text(ids, examples[i].passage),
                        examples[i].answer,
                        examples[i].answer_start,
                        score,
                    )
                    for ids, score in zip(sequences.tolist(), scores)
                    if score > float("-inf")
                ]
        return results

    def _source(self, example: Example, window: int, most: int) -> list[int]:
        """The packed source: ``window`` tokens, or up to ``most`` where the answer needs them."""
        try:
            return pack_source(self.tokenizer, example, window)
        except AnswerTooLongError as error:
            return pack_source(self.tokenizer, example, min(error.required_length, most))

    def _text(self, ids: list[int], passage: str) -> str:
        decoded = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        text = respace(decoded, passage)
        return recase(text, passage) if self.restore_case else text


def load_checkpoint(
    checkpoint: str | Path, fine_tuned: bool = False, **kwargs
) -> tuple[UniLMForConditionalGeneration, PreTrainedTokenizerBase]:
    """A model and its tokenizer, from a directory or a hub name.

    Args:
        checkpoint: one of this package's checkpoints, or any BERT/MiniLM/RoBERTa encoder.
        fine_tuned: refuse a plain encoder, whose LM head cannot yet ask questions.
        kwargs: passed to ``from_pretrained`` (``dtype`` is float32 unless given).

    Raises:
        QGenError: there is no such checkpoint, or it is corrupt.
    """
    try:
        config = AutoConfig.from_pretrained(checkpoint)
        if fine_tuned and not isinstance(config, UniLMConfig):
            raise QGenError(
                f"{checkpoint} is a plain {config.model_type} encoder: fine-tune it with `qgen train`"
            )
        kwargs.setdefault("dtype", torch.float32)
        model = UniLMForConditionalGeneration.from_pretrained(checkpoint, **kwargs)
        return model, AutoTokenizer.from_pretrained(checkpoint)
    except QGenError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        TypeError,
        SafetensorError,
        HfHubHTTPError,
        HFValidationError,
        json.JSONDecodeError,
    ) as error:
        raise QGenError(f"cannot load checkpoint {checkpoint}: {_first_line(error)}") from error


def _best_of_answers(questions: Sequence[Question], count: int) -> list[Question]:
    """The ``count`` best questions whose answers do not overlap and that do not give them away."""
    chosen: list[Question] = []
    for question in sorted(questions, key=lambda q: q.score, reverse=True):
        begin, end = question.answer_start, question.answer_start + len(question.answer)
        overlaps = any(
            begin < other.answer_start + len(other.answer) and other.answer_start < end
            for other in chosen
        )
        repeated = any(question.question == other.question for other in chosen)
        tells = f" {fold(question.answer)} " in f" {fold(question.question).rstrip('?')} "
        if not overlaps and not repeated and not tells:
            chosen.append(question)
        if len(chosen) == count:
            break
    return chosen


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
