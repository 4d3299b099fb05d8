"""The reader: a question and a passage in, the span that answers it out.

A question-answering model: span heads on a small encoder (Devlin et al. 2019, arXiv:1810.04805,
section 4.2), in checkpoints that ``transformers`` reads too.  The input is
``[CLS] question [SEP] passage [SEP]``; where the passage has no answer, start and end both point at
``[CLS]`` (as in their section 4.3).  With an empty question it predicts which span of the passage a
question would be asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from qgen.errors import QGenError, check_rows, first_line
from qgen.model.checkpoints import (
    LOADING_ERRORS,
    UNILM,
    assign_weights,
    find_file,
    fingerprint,
    load_tokenizer,
    move_to,
    read_json,
    read_weights,
)
from qgen.model.encoder import ACTIVATIONS, FAMILIES, Encoder, EncoderConfig, plain_name
from qgen.model.runtime.batches import in_batches
from qgen.model.runtime.linear import set_dtype
from qgen.model.sources import pad, token_span, window_about
from qgen.model.tokenizer import AnyTokenizer
from qgen.records import Answer, splits_word

DEFAULT_READER = Path(__file__).parents[1] / "reader_checkpoint"
"""The reader that ships with the package."""

MAX_ANSWER_TOKENS = 30
"""The longest span that the reader gives as an answer, as in Devlin et al.'s evaluation."""

COMMON = 2000
"""Tokens with an id below it count as equally common: signs, letters and function words, mostly.
A round number; no measurement is recorded."""


@dataclass(frozen=True)
class Reading:
    """What the reader makes of a question.

    Attributes:
        answer: the most probable span, whatever its probability.
        probability: of that span, between 0 and 1.
        unanswerable: the probability that the passage has no answer.
        expected: the probability of the span that was expected; 0 where none was given.
        states: see :class:`Window`; ``None`` where no span was expected.
        rarity: see :class:`Window`.
    """

    answer: Answer
    probability: float
    unanswerable: float
    expected: float = 0.0
    states: Tensor | None = field(default=None, compare=False, repr=False)
    rarity: float = 0.0

    @property
    def answered(self) -> str:
        """What the reader answers; empty where it finds it likelier that there is no answer."""
        return "" if self.unanswerable > self.probability else self.answer.text


class Window(NamedTuple):
    """The log-probabilities of one question and one stretch of its passage.

    Attributes:
        starts, ends: ``[tokens]``, the log-probabilities that the answer starts and ends there.
        offsets: for each of the tokens where it begins and ends in the passage.
        unanswerable: log-probability that this stretch has no answer.
        rarity: the mean logarithm of the ids of the question's tokens, from :data:`COMMON` on:
            vocabularies are ordered by frequency.  0 where there is no question.
        states: ``[2 * hidden]``, the mean of the last hidden states of the question's tokens, and
            that of the expected answer's: what the reader makes of the one in the light of the
            other.  ``None`` where there is no question, or no expected answer.
    """

    starts: Tensor
    ends: Tensor
    offsets: list[tuple[int, int]]
    unanswerable: float
    rarity: float
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

    def rarity(self) -> float:
        """The ``rarity`` of :class:`Window`."""
        asked = self.ids[1 : self.asked + 1]
        return sum(math.log(max(id, COMMON)) for id in asked) / max(1, len(asked))

    def summary(self, states: Tensor) -> Tensor | None:
        """The ``states`` of :class:`Window`, from those of all tokens."""
        place = token_span(self.offsets, self.expected) if self.expected else None
        if not place or not self.asked:
            return None
        passage = states[self.first :]
        asked = states[1 : self.asked + 1]
        return torch.cat([asked.mean(0), passage[place.start : place.stop].mean(0)])


@dataclass
class SpanConfig(EncoderConfig):
    """Configuration of a :class:`SpanModel`.

    Attributes:
        trained_on: what the checkpoint was trained on, such as ``"du:train"``.
    """

    trained_on: list | None = None

    def to_json_string(self) -> str:
        """All of it as JSON, which :meth:`from_dict` reads back."""
        return json.dumps(asdict(self), sort_keys=True)


class SpanModel(nn.Module):
    """An encoder with two linear heads: where an answer starts, and where it ends.

    Args:
        config: its shape.

    Attributes:
        name_or_path: where it was loaded from, or empty.
    """

    name_or_path = ""

    def __init__(self, config: SpanConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.qa_outputs.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters."""
        return self.qa_outputs.weight.dtype

    @property
    def max_positions(self) -> int:
        """Tokens that fit the position embeddings."""
        return self.config.max_positions

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One pass.

        Args:
            input_ids, token_type_ids: ``[rows, length]``, padded on the right.
            attention_mask: ``[rows, length]``, nonzero at real tokens.

        Returns:
            The last hidden states, ``[rows, length, hidden]``, and the logits of starts and ends,
            ``[rows, length, 2]``.
        """
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        states = self.encoder(
            input_ids,
            token_type_ids,
            positions[None],
            attention_mask.bool()[:, None],
        )
        return states, self.qa_outputs(states)


def _plain_name(name: str, prefix: str) -> str:
    """A parameter of a checkpoint's as :class:`SpanModel` has it."""
    if name.startswith(f"{prefix}."):
        name = "encoder." + name.removeprefix(f"{prefix}.")
    return plain_name(name)


def load_reader(
    checkpoint: str | Path = DEFAULT_READER,
) -> tuple[nn.Module, AnyTokenizer]:
    """A reader, in float32, and its tokenizer.

    Those of encoders, and from files, that only ``transformers`` knows are loaded by that.

    Args:
        checkpoint: a directory or a hub name.

    Raises:
        QGenError: there is no such checkpoint, it is corrupt, or it is no question-answering model.
    """
    try:
        settings = read_json(checkpoint, "config.json")
        if settings.get("model_type") == UNILM:
            raise ValueError("it is a question generator")
        if not _is_plain(checkpoint, settings):
            from qgen.model.foreign import load_other_reader

            return load_other_reader(checkpoint)
        with torch.device("meta"):  # no weights are drawn that would be overwritten
            model = SpanModel(SpanConfig.from_dict(settings))
        prefix = model.config.family.prefix
        weights = {
            _plain_name(name, prefix): tensor for name, tensor in read_weights(checkpoint).items()
        }
        assign_weights(model, weights, set())
        model.name_or_path = str(checkpoint)
        return model.eval(), load_tokenizer(checkpoint)
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load the reader {checkpoint}: {first_line(error)}") from error


def _is_plain(checkpoint: str | Path, settings: dict) -> bool:
    """Whether it is one that :class:`SpanModel` can be."""
    return (
        settings.get("model_type") in FAMILIES
        and settings.get("hidden_act", "gelu") in ACTIVATIONS
        and settings.get("position_embedding_type", "absolute") == "absolute"
        and all(find_file(checkpoint, name) for name in ("model.safetensors", "tokenizer.json"))
    )


def pack_question(
    tokenizer: AnyTokenizer, question: Sequence[int], passage: Sequence[int]
) -> tuple[list[int], list[int], int]:
    """Token ids and types of ``[CLS] question [SEP] passage [SEP]``, and where the passage begins:
    after one ``[SEP]`` or two, as the tokenizer packs a pair."""
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    between = [sep] * (tokenizer.num_special_tokens_to_add(pair=True) - 2)
    ids = [cls, *question, *between, *passage, sep]
    first = 1 + len(question) + len(between)
    return ids, [0] * first + [1] * (len(passage) + 1), first


def model_inputs(
    tokenizer: AnyTokenizer, ids: Sequence[list[int]], types: Sequence[list[int]]
) -> dict[str, Tensor]:
    """Rows of token ids and types as :class:`SpanModel` takes them, ``[rows, longest]`` each."""
    return {
        "input_ids": pad(ids, tokenizer.pad_token_id),
        "token_type_ids": pad(types, 0),
        "attention_mask": pad([[1] * len(row) for row in ids], 0),
    }


class Reader:
    """A reader, its tokenizer and a device.

    Args:
        model: a :class:`SpanModel`, or another module that is called as it is.
        tokenizer: its tokenizer.
        device: a torch device; by default a GPU where there is one.
        batch_size: windows of ``max_length`` tokens read at once; fewer longer ones.  On a CPU each
            core reads one of them at once, or several short ones.
        stride: passage tokens that two windows of a long passage share.
        max_length: passage tokens read about an expected answer.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: AnyTokenizer,
        device: str | torch.device | None = None,
        batch_size: int = 32,
        stride: int = 128,
        max_length: int = 128,
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
        check_rows("items", items, str, str, Answer | None)
        rows: list[_Row] = []
        if not items:
            return []
        texts = {passage: row for row, passage in enumerate(dict.fromkeys(i[0] for i in items))}
        passages = self._tokenize(list(texts), return_offsets_mapping=True)
        questions = self._tokenize([item[1] for item in items])
        most = min(self.model.max_positions, self.tokenizer.model_max_length)
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
                begins = [window_about(place, len(passage), room)]
            for begin in begins:
                shown = slice(begin, begin + room)
                ids, types, first = pack_question(self.tokenizer, question, passage[shown])
                rows.append(_Row(i, ids, types, len(question), first, offsets[shown], about))
        # A core is busy with a single window.  More of them are padded, and what lies between the
        # layers no longer fits its cache: 16 of SQuAD's together took twice the time.
        at_once = 1 if self.device.type == "cpu" else self.batch_size
        sizes, budget = [len(row.ids) for row in rows], at_once * self.max_length
        read = in_batches(self._windows, rows, sizes, budget, self.batch_size, self.device)
        found: list[list[Window]] = [[] for _ in items]
        for row, window in zip(rows, read, strict=True):
            found[row.item].append(window)
        return found

    @torch.inference_mode()
    def _windows(self, batch: Sequence[_Row]) -> list[Window]:
        """What the model says of each row."""
        windows = []
        for row, starts, ends, states in zip(batch, *self._run(batch), strict=True):
            shown = slice(row.first, row.first + len(row.offsets))
            unanswerable = float(starts[0] + ends[0])
            spans = starts[shown], ends[shown], row.offsets
            windows.append(Window(*spans, unanswerable, row.rarity(), row.summary(states)))
        return windows

    def _run(self, batch: Sequence[_Row]) -> tuple[Tensor, Tensor, Tensor]:
        """The log-probabilities of each token as start and as end, ``[rows, longest]``, and the
        last hidden states, ``[rows, longest, hidden]``: in float32 on the CPU."""
        inputs = model_inputs(
            self.tokenizer, [row.ids for row in batch], [row.types for row in batch]
        )
        states, logits = self.model(
            **{name: tensor.to(self.device) for name, tensor in inputs.items()}
        )
        real = inputs["attention_mask"]
        starts, ends = (
            each.float().cpu().masked_fill(real == 0, float("-inf")).log_softmax(-1)
            for each in logits.unbind(-1)
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
        # [size, most]: each token as the first one, with those up to `most` further as the last.
        last = window.ends.masked_fill(~ends, float("-inf"))
        last = nn.functional.pad(last, (0, MAX_ANSWER_TOKENS - 1), value=float("-inf"))
        first = window.starts.masked_fill(~begins, float("-inf"))
        scores = first[:, None] + last.unfold(0, MAX_ANSWER_TOKENS, 1)
        top = scores.flatten().topk(min(count, int((scores > float("-inf")).sum())))
        for value, index in zip(top.values.tolist(), top.indices.tolist(), strict=True):
            begin, more = divmod(index, MAX_ANSWER_TOKENS)
            span = (window.offsets[begin][0], window.offsets[begin + more][1])
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
        next((window.rarity for window in windows), 0.0),
    )


def _exp(value: float) -> float:
    return float(torch.tensor(value).exp())
