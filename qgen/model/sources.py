"""From passage and answer to source token ids, and back from token ids to text."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from qgen.errors import QGenError
from qgen.model.tokenizer import AnyTokenizer
from qgen.records import Answer


class AnswerTooLongError(QGenError):
    """The answer does not fit twice - in its passage and after it - into the source.

    Attributes:
        required_length: tokens of the shortest source that would hold it.
    """

    def __init__(self, answer_length: int, required_length: int, max_length: int):
        super().__init__(
            f"the answer has {answer_length} tokens; a source of {max_length} has room for "
            f"{(max_length - required_length) // 2 + answer_length}"
        )
        self.required_length = required_length


def pack_source(
    tokenizer: AnyTokenizer,
    passage: str,
    answer: Answer | None,
    max_length: int = 464,
    marker_ids: Sequence[int] = (),
    control_ids: Sequence[int] = (),
) -> list[int]:
    """Token ids of ``[CLS] controls passage [SEP] answer [SEP]``, at most ``max_length`` of them.

    A passage too long is cut to a window with the answer in its middle (or as near as the ends of
    the passage allow), so that the answer is always whole.  Without an answer the source is
    ``[CLS] controls passage [SEP]``, cut at the end.

    Args:
        tokenizer: the model's.
        passage: the text.
        answer: a span of it, or ``None``.
        max_length: most tokens.
        marker_ids: two tokens that enclose the answer where it stands in the passage, so that
            another occurrence of the same words makes another source; none by default.
        control_ids: tokens that say in which style or of which kind to ask; none by default.

    Raises:
        QGenError: the answer has no tokens.
        AnswerTooLongError: the window has no room for the answer.
    """
    encoded = tokenizer(
        passage, add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    ids = encoded["input_ids"]
    head, sep = [tokenizer.cls_token_id, *control_ids], tokenizer.sep_token_id
    if answer is None:
        return [*head, *ids[: max_length - len(head) - 1], sep]
    appended = tokenizer(answer.text, add_special_tokens=False)["input_ids"]
    around = len(head) + len(marker_ids) + len(appended) + 2
    window = max_length - around
    place = token_span(encoded["offset_mapping"], answer)
    if not place or not appended:
        raise QGenError(f"the answer {answer.text!r} has no tokens")
    first, count = place.start, len(place)
    if count > window:
        raise AnswerTooLongError(len(appended), around + count, max_length)
    left = max(0, min(first - (window - count) // 2, len(ids) - window))
    shown = ids[left : left + window]
    if marker_ids:
        begin, end = first - left, first - left + count
        opening, closing = marker_ids
        shown = [*shown[:begin], opening, *shown[begin:end], closing, *shown[end:]]
    return [*head, *shown, sep, *appended, sep]


def crop_source(
    source: Sequence[int],
    sep_id: int,
    marker_ids: Sequence[int],
    draw: random.Random,
    least: int = 64,
    n_controls: int = 0,
) -> list[int]:
    """A packed source with only a window of its passage, somewhere round the marked answer.

    Args:
        source: of :func:`pack_source`, with markers.
        sep_id: of ``[SEP]``.
        marker_ids: as :func:`pack_source`.
        draw: of the window's size, from ``least`` to the whole passage, and of its place.
        least: tokens of the passage kept, or 16 more than the marked answer has.
        n_controls: tokens before the passage, beside ``[CLS]``; they stay.
    """
    first, end = 1 + n_controls, source.index(sep_id)
    opening, closing = (source.index(marker) for marker in marker_ids)
    least = max(least, closing + 1 - opening + 16)
    if end - first <= least:
        return list(source)
    window = draw.randint(least, end - first)
    begin = draw.randint(max(first, closing + 1 - window), min(opening, end - window))
    return [*source[:first], *source[begin : begin + window], *source[end:]]


def pack_target(tokenizer: AnyTokenizer, question: str, max_length: int) -> list[int]:
    """Token ids of ``question [SEP]``, the question cut so that they are at most ``max_length``."""
    ids = tokenizer(question, add_special_tokens=False)["input_ids"]
    return [*ids[: max_length - 1], tokenizer.sep_token_id]


def token_span(offsets: Sequence[tuple[int, int]], answer: Answer) -> range | None:
    """Which tokens an answer is made of, by where each begins and ends; ``None`` for none."""
    inside = [i for i, (a, b) in enumerate(offsets) if b > answer.start and a < answer.end]
    return range(inside[0], inside[-1] + 1) if inside else None


def window_about(place: range, total: int, room: int) -> int:
    """Where ``room`` of ``total`` tokens begin that have an answer in their middle, or as near as
    the ends allow."""
    return max(0, min((place.start + place.stop - room) // 2, total - room))


def word_pieces_joined(tokenizer: AnyTokenizer, ids: Sequence[int]) -> str:
    """Words and marks with a space between them: the pieces joined at ``##``, special ones left
    out."""
    pieces = tokenizer.convert_ids_to_tokens(list(ids), skip_special_tokens=True)
    return " ".join(pieces).replace(" ##", "")


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """``[len(rows), longest row]`` int64, padded on the right with ``value``."""
    tensors = [torch.tensor(row, dtype=torch.long) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)
