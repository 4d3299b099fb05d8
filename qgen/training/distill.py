"""A small reader that learns from a large one, and to judge questions.

It learns the teacher's distributions of start and end (Hinton et al. 2015, arXiv:1503.02531) and,
on judged questions, whether a question is right, by a linear layer on the mean states of question
and answer: what :mod:`qgen.asking.confidence` then reads off the states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from qgen.errors import QGenError
from qgen.model.reader import pack_question
from qgen.model.sources import pad, token_span, window_about
from qgen.records import Answer
from qgen.training.objectives import Item
from qgen.training.reader import SpanObjective, own_inputs

TRUE_SHARE = 0.3
"""The share of the true span, if there is one, in what the student learns; the rest is the
teacher's."""
JUDGING_WEIGHT = 0.3
"""The weight of the loss in judging beside that in reading."""

Judged = tuple[str, str, Answer, float]
"""A passage, a question about it, its answer, and the probability that the question is right."""


class JudgingReader(nn.Module):
    """A question-answering model with one more head, which training alone needs.

    Args:
        reader: a ``transformers`` question-answering model.
    """

    def __init__(self, reader: PreTrainedModel):
        super().__init__()
        self.reader: Any = reader
        self.judge = nn.Linear(2 * reader.config.hidden_size, 1, device=reader.device)

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The last states, ``[rows, length, hidden]``, and the logits of starts and ends, ``[rows,
        length, 2]``."""
        states = self.reader.base_model(**inputs).last_hidden_state
        return states, self.reader.qa_outputs(states)

    def judgement(self, states: Tensor, asked: Tensor, answered: Tensor) -> Tensor:
        """Logits ``[rows]`` of a question's being right.

        Args:
            states: ``[rows, length, hidden]``.
            asked, answered: ``[rows, length]``, 1 at the question's tokens and at the answer's.
        """
        means = [
            (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
            for mask in (asked, answered)
        ]
        return self.judge(torch.cat(means, -1)).squeeze(-1)


def reading_loss(
    model: JudgingReader, teacher: PreTrainedModel, batch: dict[str, Tensor]
) -> Tensor:
    """The student's divergence from the teacher: mean nats of start and end.

    Args:
        model: the student.
        teacher: a question-answering model over the same vocabulary, which does not learn.
        batch: of :meth:`qgen.training.reader.SpanObjective.collate`.
    """
    names = SpanObjective.label_names
    inputs = {name: tensor for name, tensor in batch.items() if name not in names}
    with torch.no_grad():
        taught = teacher(**inputs)
    _, logits = model(inputs)
    pairs = zip(
        logits.float().unbind(-1), (taught.start_logits, taught.end_logits), names, strict=True
    )
    losses = []
    for predicted, teachers, name in pairs:
        target = (1 - TRUE_SHARE) * teachers.float().softmax(-1) + TRUE_SHARE * batch[name]
        losses.append(-(target * predicted.log_softmax(-1)).sum(-1).mean())
    return (losses[0] + losses[1]) / 2


def judge(model: JudgingReader, batch: dict[str, Tensor]) -> Tensor:
    """Logits ``[rows]`` of the questions' being right; ``batch`` is of :func:`judged_batch`."""
    known = ("asked", "answered", "right")
    states, _ = model({name: t for name, t in batch.items() if name not in known})
    return model.judgement(states, batch["asked"], batch["answered"]).float()


def judging_loss(model: JudgingReader, batch: dict[str, Tensor]) -> Tensor:
    """Mean nats of the judgement; ``batch`` is of :func:`judged_batch`."""
    logits = judge(model, batch)
    return nn.functional.binary_cross_entropy_with_logits(logits, batch["right"])


def judged_items(
    judged: Sequence[Judged], tokenizer: PreTrainedTokenizerBase, max_length: int = 256
) -> list[Item]:
    """Judged questions as token ids; of a long passage the stretch with the answer in its middle.

    Raises:
        QGenError: an answer has no tokens.
    """
    items = []
    for passage, question, answer, right in judged:
        encoded = tokenizer(
            passage, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        asked = tokenizer(question, add_special_tokens=False)["input_ids"][: max_length // 4]
        place = token_span(encoded["offset_mapping"], answer)
        if not place:
            raise QGenError(f"the answer {answer.text!r} has no tokens")
        room = max_length - len(asked) - tokenizer.num_special_tokens_to_add(pair=True)
        passage_ids = encoded["input_ids"]
        left = window_about(place, len(passage_ids), room)
        ids, types, first = pack_question(tokenizer, asked, passage_ids[left : left + room])
        answered = [0] * len(ids)
        for i in place:
            if 0 <= i - left < room:
                answered[first + i - left] = 1
        items.append(
            {
                "ids": ids,
                "types": types,
                "asked": [int(0 < i <= len(asked)) for i in range(len(ids))],
                "answered": answered,
                "right": float(right),
            }
        )
    return items


def judged_batch(items: Sequence[Item], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """What the model takes, ``asked`` and ``answered``, ``[rows, longest]`` each, and ``right``,
    ``[rows]``."""
    columns: dict[str, list[Any]] = {name: [item[name] for item in items] for name in items[0]}
    return {
        **own_inputs(tokenizer, columns["ids"], columns["types"]),
        "asked": pad(columns["asked"], 0).float(),
        "answered": pad(columns["answered"], 0).float(),
        "right": torch.tensor(columns["right"]),
    }
