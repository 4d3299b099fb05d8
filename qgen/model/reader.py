"""The reader: a question and a passage in, the span that answers it out.

A stock ``transformers`` question-answering model, span heads on the same small encoder (Devlin et
al. 2019, arXiv:1810.04805, section 4.2).  The input is ``[CLS] question [SEP] passage [SEP]``;
where the passage has no answer, start and end both point at ``[CLS]`` (as in their section 4.3).
With an empty question it predicts which span of the passage a question would be asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from qgen.errors import QGenError, first_line
from qgen.model.checkpoints import LOADING_ERRORS, fingerprint, move_to
from qgen.model.runtime.linear import set_dtype
from qgen.model.runtime.workers import side_by_side
from qgen.model.sources import pad, token_span
from qgen.model.unilm import UniLMConfig, UniLMForConditionalGeneration
from qgen.records import Answer, splits_word

DEFAULT_READER = Path(__file__).parents[1] / "reader_checkpoint"
"""The reader that ships with the package."""

MAX_ANSWER_TOKENS = 30
"""The longest span that the reader gives as an answer, as in Devlin et al.'s evaluation."""


@dataclass(frozen=True)
class Reading:
    """What the reader makes of a question.

    Attributes:
        answer: the most probable span, whatever its probability.
        probability: of that span, between 0 and 1.
        unanswerable: the probability that the passage has no answer.
        expected: the probability of the span that was expected; 0 where none was given.
        states: see :class:`Window`; ``None`` where no span was expected.
    """

    answer: Answer
    probability: float
    unanswerable: float
    expected: float = 0.0
    states: Tensor | None = field(default=None, compare=False, repr=False)


class Window(NamedTuple):
    """The log-probabilities of one question and one stretch of its passage.

    Attributes:
        starts, ends: ``[tokens]``, the log-probabilities that the answer starts and ends there.
        offsets: for each of the tokens where it begins and ends in the passage.
        unanswerable: log-probability that this stretch has no answer.
        states: ``[2 * hidden]``, the mean of the last hidden states of the question's tokens, and
            that of the expected answer's: what the reader makes of the one in the light of the
            other.  ``None`` where there is no question, or no expected answer.
    """

    starts: Tensor
    ends: Tensor
    offsets: list[tuple[int, int]]
    unanswerable: float
    states: Tensor | None


class _Row(NamedTuple):
    """A window before it is read: which of the items it is of, its tokens and their types, how many
    of them are the question's, which is the first of the passage's, where these stand in the
    passage, and the expected answer."""

    item: int
    ids: list[int]
    types: list[int]
    asked: int
    first: int
    offsets: list[tuple[int, int]]
    expected: Answer | None

    def summary(self, states: Tensor) -> Tensor | None:
        """The ``states`` of :class:`Window`, from those of all tokens."""
        place = token_span(self.offsets, self.expected) if self.expected else None
        if not place or not self.asked:
            return None
        passage = states[self.first :]
        asked = states[1 : self.asked + 1]
        return torch.cat([asked.mean(0), passage[place.start : place.stop].mean(0)])


def load_reader(
    checkpoint: str | Path = DEFAULT_READER, **kwargs
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A question-answering model and its tokenizer, from a directory or a hub name.

    Args:
        checkpoint: a reader, or an encoder to train one from: a plain one, or the question
            generator's.
        kwargs: passed to ``from_pretrained`` (``dtype`` is float32 unless given).

    Raises:
        QGenError: there is no such checkpoint, or it is corrupt.
    """
    kwargs.setdefault("dtype", torch.float32)
    try:
        config = AutoConfig.from_pretrained(checkpoint)
        if isinstance(config, UniLMConfig):
            generator = UniLMForConditionalGeneration.from_pretrained(checkpoint, **kwargs)
            model = AutoModelForQuestionAnswering.from_config(
                config.backbone, dtype=kwargs["dtype"]
            )
            model.base_model.load_state_dict(generator.mlm.base_model.state_dict())
        else:
            model = AutoModelForQuestionAnswering.from_pretrained(checkpoint, **kwargs)
        return model.eval(), AutoTokenizer.from_pretrained(checkpoint)
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load the reader {checkpoint}: {first_line(error)}") from error


def pack_question(
    tokenizer: PreTrainedTokenizerBase, question: Sequence[int], passage: Sequence[int]
) -> tuple[list[int], list[int], int]:
    """Token ids and types of ``[CLS] question [SEP] passage [SEP]``, and where the passage begins:
    after one ``[SEP]`` or two, as the tokenizer packs a pair."""
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    between = [sep] * (tokenizer.num_special_tokens_to_add(pair=True) - 2)
    ids = [cls, *question, *between, *passage, sep]
    first = 1 + len(question) + len(between)
    return ids, [0] * first + [1] * (len(passage) + 1), first


def model_inputs(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[list[int]], types: Sequence[list[int]]
) -> dict[str, Tensor]:
    """Rows of token ids and types as what the model of this tokenizer takes, ``[rows, longest]``
    each; some have no types."""
    inputs = {
        "input_ids": pad(ids, tokenizer.pad_token_id),
        "attention_mask": pad([[1] * len(row) for row in ids], 0),
    }
    if "token_type_ids" in tokenizer.model_input_names:
        inputs["token_type_ids"] = pad(types, 0)
    return inputs


class Reader:
    """A reader, its tokenizer and a device.

    Args:
        model: a ``transformers`` question-answering model.
        tokenizer: its tokenizer.
        device: a torch device; by default a GPU where there is one.
        batch_size: windows read at once.
        stride: passage tokens that two windows of a long passage share.
        max_length: passage tokens read about an expected answer.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        device: str | torch.device | None = None,
        batch_size: int = 32,
        stride: int = 128,
        max_length: int = 256,
    ):
        self.device = move_to(model, device)
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.stride = stride
        self.max_length = max_length

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str = "auto",
        **kwargs,
    ) -> Reader:
        """Load a checkpoint: a directory or hub name, or the one that ships.

        Args:
            checkpoint: the directory or name.
            device: see above.
            dtype: of the arithmetic; see :func:`qgen.model.runtime.linear.set_dtype`.
            kwargs: the other arguments of the class.

        Raises:
            QGenError: there is no such checkpoint, it is corrupt, or there is no such device or
                arithmetic.
        """
        model, tokenizer = load_reader(checkpoint or DEFAULT_READER)
        reader = cls(model, tokenizer, device, **kwargs)
        set_dtype(model, dtype)
        return reader

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of configuration and weights."""
        return fingerprint(self.model)

    def read(self, items: Sequence[tuple[str, str, Answer | None]]) -> list[Reading]:
        """Answer questions.

        Args:
            items: for each question its passage, its text, and the answer that it is meant to
                have, if any.  Of a long passage only the stretch about that answer is then read.
        """
        return [
            reading(passage, expected, windows)
            for (passage, _, expected), windows in zip(items, self.windows(items), strict=True)
        ]

    def windows(self, items: Sequence[tuple[str, str, Answer | None]]) -> list[list[Window]]:
        """The windows of each passage, with what the model says of their tokens.

        Args:
            items: passages, each with its question, which may be empty, and an answer that a
                single window of the passage is to have in its middle; ``None`` for all windows.
        """
        rows: list[_Row] = []
        if not items:
            return []
        texts = {passage: row for row, passage in enumerate(dict.fromkeys(i[0] for i in items))}
        passages = self._tokenize(list(texts), return_offsets_mapping=True)
        questions = self._tokenize([item[1] for item in items])
        most = min(self.model.config.max_position_embeddings, self.tokenizer.model_max_length)
        special = self.tokenizer.num_special_tokens_to_add(pair=True)
        for i, (text, _, about) in enumerate(items):
            question = questions["input_ids"][i][: most // 4]
            passage, offsets = (
                passages[key][texts[text]] for key in ("input_ids", "offset_mapping")
            )
            room = most - len(question) - special
            shared = min(self.stride, room // 2)
            begins = list(range(0, max(1, len(passage) - shared), room - shared))
            if about and (place := token_span(offsets, about)):
                room = min(room, self.max_length)
                middle = (place.start + place.stop - room) // 2
                begins = [max(0, min(middle, len(passage) - room))]
            for begin in begins:
                shown = slice(begin, begin + room)
                ids, types, first = pack_question(self.tokenizer, question, passage[shown])
                rows.append(_Row(i, ids, types, len(question), first, offsets[shown], about))
        found: list[list[Window]] = [[] for _ in items]
        rows.sort(key=lambda row: len(row.ids))
        batches = [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        read = chain.from_iterable(side_by_side(self._windows, batches, self.device))
        for row, window in zip(rows, read, strict=True):
            found[row.item].append(window)
        return [sorted(windows, key=lambda window: window.offsets[:1]) for windows in found]

    @torch.inference_mode()
    def _windows(self, batch: Sequence[_Row]) -> list[Window]:
        """What the model says of each row."""
        windows = []
        for row, starts, ends, states in zip(batch, *self._run(batch), strict=True):
            shown = slice(row.first, row.first + len(row.offsets))
            unanswerable = float(starts[0] + ends[0])
            windows.append(
                Window(starts[shown], ends[shown], row.offsets, unanswerable, row.summary(states))
            )
        return windows

    def _run(self, batch: Sequence[_Row]) -> tuple[Tensor, Tensor, Tensor]:
        """The log-probabilities of each token as start and as end, ``[rows, longest]``, and the
        last hidden states, ``[rows, longest, hidden]``: in float32 on the CPU."""
        inputs = model_inputs(
            self.tokenizer, [row.ids for row in batch], [row.types for row in batch]
        )
        states = self.model.base_model(
            **{name: tensor.to(self.device) for name, tensor in inputs.items()}
        ).last_hidden_state
        real = inputs["attention_mask"]
        starts, ends = (
            logits.float().cpu().masked_fill(real == 0, float("-inf")).log_softmax(-1)
            for logits in self.model.qa_outputs(states).unbind(-1)
        )
        return starts, ends, states.float().cpu()

    def _tokenize(self, texts: list[str], **kwargs):
        return self.tokenizer(texts, add_special_tokens=False, verbose=False, **kwargs)


def log_probability(windows: Sequence[Window], answer: Answer) -> float:
    """Of a span, in the window that thinks most of it; minus infinity where none holds it."""
    best = float("-inf")
    for window in windows:
        if place := token_span(window.offsets, answer):
            best = max(best, float(window.starts[place.start] + window.ends[place.stop - 1]))
    return best


def best_spans(passage: str, windows: Sequence[Window], count: int) -> list[tuple[float, int, int]]:
    """The most probable spans of whole words: log-probability, begin and end in the passage."""
    spans: dict[tuple[int, int], float] = {}
    for window in windows:
        size = len(window.offsets)
        if not size:
            continue
        begins = torch.tensor([not splits_word(passage, begin) for begin, _ in window.offsets])
        ends = torch.tensor([not splits_word(passage, end) for _, end in window.offsets])
        allowed = torch.ones(size, size, dtype=torch.bool).triu().tril(MAX_ANSWER_TOKENS - 1)
        allowed &= begins[:, None] & ends
        scores = (window.starts[:, None] + window.ends).masked_fill(~allowed, float("-inf"))
        top = scores.flatten().topk(min(count, int(allowed.sum())))
        for value, index in zip(top.values.tolist(), top.indices.tolist(), strict=True):
            span = (window.offsets[index // size][0], window.offsets[index % size][1])
            spans[span] = max(value, spans.get(span, float("-inf")))
    ranked = sorted(((value, *span) for span, value in spans.items()), reverse=True)
    return ranked[:count]


def reading(passage: str, expected: Answer | None, windows: Sequence[Window]) -> Reading:
    """What windows of a passage, read with one question, come to."""
    value, begin, end = next(iter(best_spans(passage, windows, 1)), (float("-inf"), 0, 0))
    return Reading(
        Answer(passage[begin:end], begin),
        _exp(value),
        _exp(min((window.unanswerable for window in windows), default=0.0)),
        _exp(log_probability(windows, expected)) if expected else 0.0,
        next((window.states for window in windows if window.states is not None), None),
    )


def _exp(value: float) -> float:
    return float(torch.tensor(value).exp())
