"""What fine-tuning the question generator predicts: batches of examples, and their loss."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from qgen.model.ensemble import Ensemble
from qgen.model.output import Encoded
from qgen.model.sources import pad
from qgen.model.unilm import IGNORE_INDEX, UniLM
from qgen.transformers import UniLMForConditionalGeneration

Item = dict[str, Any]
"""An example as token ids: ``{"input_ids": source, "labels": target}``, and what else an objective
needs."""


class Objective(Protocol):
    """What the trainer needs of an objective."""

    @property
    def label_names(self) -> Sequence[str]:
        """The keys of a batch that hold what is to be predicted."""
        ...

    def collate(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """A batch, as ``loss`` takes it."""
        ...

    def loss(self, model: Any, batch: dict[str, Tensor]) -> Tensor:
        """Mean nats per prediction."""
        ...

    def length(self, item: Item) -> int:
        """Positions that the encoder runs over for an example."""
        ...


class MaskedObjective:
    """UniLM's: some target tokens are masked and predicted (Dong et al. 2019, section 2.4).

    Of each target token chosen with ``mask_probability``, the closing ``[SEP]`` among them, 80 %
    become ``[MASK]``, 10 % a random token and 10 % stay, as in BERT; all of them carry loss.  At
    least one token of every target is chosen.

    Args:
        tokenizer: the model's.
        mask_probability: see above.
        label_smoothing: probability mass spread over the vocabulary, in training.
    """

    label_names = ("labels",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        mask_probability: float = 0.7,
        label_smoothing: float = 0.0,
    ):
        self.tokenizer = tokenizer
        self.mask_probability = mask_probability
        self.label_smoothing = label_smoothing

    def collate(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """``input_ids`` and ``attention_mask`` ``[batch, longest source]``, ``decoder_input_ids``
        and ``labels`` ``[batch, longest target]``."""
        tokenizer = self.tokenizer
        target = pad([item["labels"] for item in items], tokenizer.pad_token_id)
        real = pad([[1] * len(item["labels"]) for item in items], 0).bool()
        draw = torch.rand(target.shape).masked_fill(~real, 2.0)
        chosen = draw < self.mask_probability
        chosen |= draw == draw.min(dim=1, keepdim=True).values
        fate = torch.rand(target.shape)
        decoder_input_ids = torch.where(chosen & (fate < 0.8), tokenizer.mask_token_id, target)
        random_ids = torch.randint(len(tokenizer), target.shape)
        decoder_input_ids = torch.where(chosen & (fate >= 0.9), random_ids, decoder_input_ids)
        return {
            **source_batch(items, tokenizer),
            "decoder_input_ids": decoder_input_ids,
            "labels": target.masked_fill(~chosen, IGNORE_INDEX),
        }

    def loss(self, model: UniLMForConditionalGeneration, batch: dict[str, Tensor]) -> Tensor:
        """Mean nats per chosen token; ``batch`` is of :meth:`collate`."""
        smoothing = self.label_smoothing if model.training else 0.0
        return model(**batch, label_smoothing=smoothing).loss

    def length(self, item: Item) -> int:
        """Tokens of source and target."""
        return len(item["input_ids"]) + len(item["labels"])


class PseudoMaskedObjective:
    """UniLMv2's pseudo-masks: every target token is predicted from those before it, as in decoding,
    in one pass over source, target and one ``[MASK]`` per target token (Bao et al. 2020).

    Args:
        tokenizer: the model's.
        label_smoothing: probability mass spread over the vocabulary, in training.
        consistency_weight: R-Drop's (Liang et al. 2021, arXiv:2106.14448): of the divergence
            between the predictions of two passes, which differ in dropout and in what is hidden;
            0 for a single pass.
        hidden_share: of the tokens of every second target, on average, that the others see as
            ``[MASK]``, in training: so a question learnt by heart does not continue itself.
        teacher: a generator of the same vocabulary whose distribution at each token is learnt, in
            training (knowledge distillation, Hinton et al. 2015, arXiv:1503.02531; of sequence
            models, Kim and Rush 2016, arXiv:1606.07947); it sees the whole target.
        teacher_weight: of that; the likelihood of the token itself has the rest.
    """

    label_names = ("labels",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        label_smoothing: float = 0.0,
        consistency_weight: float = 0.0,
        hidden_share: float = 0.0,
        teacher: UniLM | Ensemble | None = None,
        teacher_weight: float = 0.0,
    ):
        self.tokenizer = tokenizer
        self.label_smoothing = label_smoothing
        self.consistency_weight = consistency_weight
        self.hidden_share = hidden_share
        self.teacher = teacher
        self.teacher_weight = teacher_weight

    def collate(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """As :meth:`MaskedObjective.collate`."""
        targets = [item["labels"] for item in items]
        return {
            **source_batch(items, self.tokenizer),
            "decoder_input_ids": pad(targets, self.tokenizer.pad_token_id),
            "labels": pad(targets, IGNORE_INDEX),
        }

    def loss(self, model: UniLMForConditionalGeneration, batch: dict[str, Tensor]) -> Tensor:
        """Mean nats per target token, and in training the weighted divergence; ``batch`` is of
        :meth:`collate`."""
        if not model.training:
            return self._likelihood_loss(model, batch, 0.0)
        if self.consistency_weight:
            batch = {name: torch.cat([tensor, tensor]) for name, tensor in batch.items()}
        if self.hidden_share:
            batch = {**batch, "decoder_input_ids": self._hide(batch["decoder_input_ids"])}
        if self.teacher is not None:
            return self._distillation_loss(model, batch, _taught(self.teacher, batch))
        if self.consistency_weight:
            return self._consistency_loss(model, batch)
        return self._likelihood_loss(model, batch, self.label_smoothing)

    def _likelihood_loss(self, model, batch, label_smoothing: float) -> Tensor:
        return model.loss(*self._states(model, batch), batch["labels"], label_smoothing)

    def _consistency_loss(self, model, batch) -> Tensor:
        predicted, smoothed = self._predicted(model, batch)
        return self.consistency_weight * divergence_of_halves(predicted) - smoothed

    def _distillation_loss(self, model, batch, taught: Tensor) -> Tensor:
        predicted, smoothed = self._predicted(model, batch)
        of_teacher = (taught.exp() * predicted).sum(-1).mean()
        return -self.teacher_weight * of_teacher - (1 - self.teacher_weight) * smoothed

    def _predicted(self, model, batch) -> tuple[Tensor, Tensor]:
        """The log-probabilities ``[labels, vocabulary]``, and the mean of those of the labels, with
        label smoothing."""
        predicted, uniform = model.label_distributions(*self._states(model, batch), batch["labels"])
        true = batch["labels"][batch["labels"].ne(IGNORE_INDEX)]
        likelihood = predicted.gather(1, true[:, None]).mean()
        smoothing = self.label_smoothing
        return predicted, (1 - smoothing) * likelihood + smoothing * uniform.mean()

    def _states(self, model, batch) -> tuple[Encoded, Tensor]:
        return model.pseudo_masked_states(
            batch["input_ids"], batch["attention_mask"], batch["decoder_input_ids"]
        )

    def _hide(self, ids: Tensor) -> Tensor:
        share = self.hidden_share * torch.randint(2, (len(ids), 1), device=ids.device)
        hidden = torch.rand(ids.shape, device=ids.device) < share
        return ids.masked_fill(hidden, self.tokenizer.mask_token_id)

    def length(self, item: Item) -> int:
        """Tokens of source and target, and a ``[MASK]`` for each of the target's."""
        return len(item["input_ids"]) + 2 * len(item["labels"])


@torch.no_grad()
def _taught(teacher: UniLM | Ensemble, batch: dict[str, Tensor]) -> Tensor:
    """What a teacher would write in place of each label: ``[labels, vocabulary]``."""
    names = ("input_ids", "attention_mask", "labels")
    return teacher.target_distributions(*(batch[name] for name in names))


def drawn_by_torch() -> random.Random:
    """Random numbers that a run goes on with after a kill: torch's state is kept with it."""
    return random.Random(int(torch.randint(2**62, ())))


def divergence_of_halves(log_probabilities: Tensor) -> Tensor:
    """How far two passes over the same examples, laid one behind the other, are apart: the mean of
    the Kullback-Leibler divergences both ways, in nats per prediction.

    Args:
        log_probabilities: ``[2 * predictions, choices]``.
    """
    first, second = log_probabilities.chunk(2)
    return ((first.exp() - second.exp()) * (first - second)).sum(-1).mean() / 2


def source_batch(items: Sequence[Item], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask`` of the sources."""
    sources = [item["input_ids"] for item in items]
    return {
        "input_ids": pad(sources, tokenizer.pad_token_id),
        "attention_mask": pad([[1] * len(source) for source in sources], 0),
    }
