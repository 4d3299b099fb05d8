"""From passage and answer to source token ids, and back from token ids to text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from transformers import PreTrainedTokenizerBase

from qgen.errors import QGenError
from qgen.types import Example


class AnswerTooLongError(QGenError):
    """The answer does not fit twice - in its passage and after it - into the source.

    Attributes:
        required_length: tokens of the shortest source that would hold it.
    """

    def __init__(self, answer_length: int, required_length: int, max_length: int):
        super().__init__(
            f"the answer has {answer_length} tokens; a source of {max_length} has room for "
            f"{(max_length - 3) // 2}"
        )
        self.required_length = required_length


def locate_answer(example: Example) -> Example:
    """Check an example and fill in where its answer starts.

    Without ``answer_start`` the first exact occurrence counts, then the first that differs only in
    case; the returned ``answer`` is the passage's own spelling.

    Raises:
        QGenError: the passage is empty, or the answer is not in it (at ``answer_start``).
    """
    if not example.passage.strip():
        raise QGenError("the passage is empty")
    passage, answer, start = example.passage, example.answer.strip(), example.answer_start
    if not answer:
        return replace(example, answer="", answer_start=None)
    if start is not None:
        if start < 0 or passage[start : start + len(answer)].lower() != answer.lower():
            raise QGenError(f"the answer {answer!r} is not in the passage at character {start}")
    else:
        start = passage.find(answer)
        if start < 0:
            start = passage.lower().find(answer.lower())
        if start < 0:
            raise QGenError(f"the answer {answer!r} is not in the passage")
    return replace(example, answer=passage[start : start + len(answer)], answer_start=start)


def pack_source(
    tokenizer: PreTrainedTokenizerBase, example: Example, max_length: int = 464
) -> list[int]:
    """Token ids of ``[CLS] passage [SEP] answer [SEP]``, at most ``max_length`` of them.

    A passage too long is cut to a window with the answer in its middle (or as near as the ends of
    the passage allow), so that the answer is always whole.  Without an answer the source is
    ``[CLS] passage [SEP]``, cut at the end.

    Raises:
        QGenError: as :func:`locate_answer`.
        AnswerTooLongError: the window has no room for the answer.
    """
    example = locate_answer(example)
    encoded = tokenizer(
        example.passage, add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    passage = encoded["input_ids"]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    if not example.answer:
        return [cls, *passage[: max_length - 2], sep]
    answer = tokenizer(example.answer, add_special_tokens=False)["input_ids"]
    window = max_length - 3 - len(answer)
    end = example.answer_start + len(example.answer)
    inside = [
        i
        for i, (begin, stop) in enumerate(encoded["offset_mapping"])
        if stop > example.answer_start and begin < end
    ]
    if not inside:
        raise QGenError(f"the answer {example.answer!r} has no tokens")
    first, count = inside[0], len(inside)
    if count > window:
        raise AnswerTooLongError(len(answer), count + len(answer) + 3, max_length)
    left = max(0, min(first - (window - count) // 2, len(passage) - window))
    return [cls, *passage[left : left + window], sep, *answer, sep]


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """``[len(rows), longest row]`` int64, padded on the right with ``value``."""
    tensors = [torch.tensor(row, dtype=torch.long) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)
