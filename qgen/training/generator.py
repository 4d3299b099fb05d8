"""Fine-tuning the question generator."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from qgen.errors import QGenError
from qgen.model.checkpoints import load_generator, move_to
from qgen.model.ensemble import Ensemble
from qgen.model.layouts import seq2seq_layout
from qgen.model.sources import AnswerTooLongError, crop_source, pack_source, pack_target, pad
from qgen.model.unilm import UniLM
from qgen.records import Example
from qgen.settings import TrainingSettings
from qgen.training.objectives import (
    Item,
    MaskedObjective,
    Objective,
    PseudoMaskedObjective,
    drawn_by_torch,
)
from qgen.training.risk import MinimumRiskObjective, add_hypotheses
from qgen.training.trainer import (
    ItemDataset,
    checksum,
    fit,
    newest_checkpoint,
    prepare_run,
    uses_bf16,
)
from qgen.transformers import UniLMForConditionalGeneration

_log = logging.getLogger(__name__)

ANSWER_MARKERS = ("[unused0]", "[unused1]")
"""The tokens of BERT's vocabulary that enclose the answer in the passage."""

CONTROL_TOKEN = "[unused{}]"
"""The tokens that say in which style or of which kind to ask, numbered on from the markers."""


class Seq2SeqExamples(ItemDataset):
    """Examples as token ids.

    Examples whose answer does not fit into the source are left out; ``skipped`` counts them.

    Args:
        examples: what to learn from.
        tokenizer: the model's.
        max_source_length, max_target_length: most tokens of each, special ones included.
        marker_ids: see :func:`qgen.model.sources.pack_source`.
        crop_share: of the times an example is drawn that its passage is cut to a window drawn with
            it, see :func:`qgen.model.sources.crop_source`.
        control_ids: the token of every control that the examples have.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        max_source_length: int = 464,
        max_target_length: int = 48,
        marker_ids: Sequence[int] = (),
        crop_share: float = 0.0,
        control_ids: Mapping[str, int] | None = None,
    ):
        super().__init__()
        self.skipped = 0
        self.crop_share = crop_share
        self.crop_at = (tokenizer.sep_token_id, marker_ids)
        for example in examples:
            controls = [(control_ids or {})[name] for name in example.controls]
            try:
                source = pack_source(
                    tokenizer,
                    example.passage,
                    example.answer,
                    max_source_length,
                    marker_ids,
                    controls,
                )
            except AnswerTooLongError:
                self.skipped += 1
                continue
            target = pack_target(tokenizer, example.question, max_target_length)
            self.items.append({"input_ids": source, "labels": target, "n_controls": len(controls)})

    def __getitem__(self, index: int) -> Item:
        item = super().__getitem__(index)
        if self.crop_share == 0 or torch.rand(()) >= self.crop_share:
            return item
        source, n_controls = item["input_ids"], item["n_controls"]
        cropped = crop_source(source, *self.crop_at, drawn_by_torch(), n_controls=n_controls)
        return {**item, "input_ids": cropped}


def warm_up_lm_head(
    model: UniLMForConditionalGeneration,
    dataset: Seq2SeqExamples,
    steps: int,
    learning_rate: float = 3e-3,
    batch_size: int = 16,
    tokens_per_step: int = 512,
) -> None:
    """Give a newly initialised LM head a start, with everything else frozen.

    Its bias becomes the log frequencies of the target tokens; then its transform learns to name
    the source tokens from their own hidden states.  That takes a minute, and fine-tuning need not
    find out first what the encoder's output means.

    Args:
        model: an encoder whose checkpoint had no LM head.
        dataset: the training examples.
        steps: optimizer steps.
        learning_rate: AdamW's.
        batch_size: sources encoded per step.
        tokens_per_step: source tokens named per step.
    """
    head: Any = model.get_output_embeddings()
    tied: Any = model.get_input_embeddings().weight
    device = model.device
    tokens = torch.tensor([token for item in dataset.items for token in item["labels"]])
    counts = torch.bincount(tokens, minlength=len(tied)) + 0.1
    with torch.no_grad():
        head.bias.copy_((counts / counts.sum()).log())
    parameters = [p for p in model.mlm.head.parameters() if p is not tied]
    tied.requires_grad_(False)
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    model.eval()
    for _ in range(steps):
        rows = torch.randint(len(dataset), (batch_size,)).tolist()
        ids = pad([dataset[row]["input_ids"] for row in rows], model.config.pad_token_id).to(device)
        real = ids.ne(model.config.pad_token_id)
        with torch.no_grad():
            hidden = model.encode(ids, seq2seq_layout(real, 0))[real]
        chosen = torch.randperm(len(hidden), device=device)[:tokens_per_step]
        logits = model.lm_head(hidden[chosen])
        loss = torch.nn.functional.cross_entropy(logits, ids[real][chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tied.requires_grad_(True)


def _marker_ids(tokenizer: PreTrainedTokenizerBase) -> list[int | None]:
    ids = [tokenizer.get_vocab().get(marker) for marker in ANSWER_MARKERS]
    if None in ids:
        raise QGenError(
            f"the vocabulary has no {' and '.join(ANSWER_MARKERS)} to mark answers with; "
            "train with --no-mark-answers"
        )
    return ids


def add_controls(
    known: Mapping[str, int], names: Iterable[str], tokenizer: PreTrainedTokenizerBase
) -> dict[str, int]:
    """Controls, each with a token: those known already with theirs, the others with those after.

    Raises:
        QGenError: the vocabulary has no tokens left.
    """
    vocabulary, taken = tokenizer.get_vocab(), set(known.values())
    tokens = (CONTROL_TOKEN.format(number) for number in count(len(ANSWER_MARKERS)))
    present = takewhile(vocabulary.__contains__, tokens)
    free = (vocabulary[token] for token in present if vocabulary[token] not in taken)
    controls = dict(known)
    for name in sorted(set(names) - set(known)):
        controls[name] = next(free, -1)
        if controls[name] < 0:
            raise QGenError(f"the vocabulary has no token left for the control {name!r}")
    return controls


def train(
    model: UniLMForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    output_dir: str | Path,
    dev_examples: Sequence[Example] = (),
    settings: TrainingSettings | None = None,
) -> Path:
    """Fine-tune, or go on with the run that ``output_dir`` already holds.

    Writes checkpoints (``checkpoint-N``) and ``log.jsonl`` to ``output_dir``, and the finished
    model with its tokenizer to ``output_dir/final``.

    Args:
        model: the starting point.
        tokenizer: its tokenizer.
        examples: training examples, each with a question.
        output_dir: created if it does not exist.
        dev_examples: if any, the loss of the first ``max_dev_examples`` is logged every epoch.
        settings: how to train.

    Returns:
        The directory of the finished model.

    Raises:
        QGenError: there are no examples, no answer fits the source, source and target do not fit
            the model, the vocabulary lacks the answer markers, the model does not know a control of
            the dev examples, or ``output_dir`` holds a run with other settings, from another model
            or on other examples.
    """
    settings = settings or TrainingSettings()
    output_dir = prepare_run(output_dir, settings, examples, model.name_or_path)
    longest = settings.max_source_length + settings.max_target_length
    if longest > model.max_positions and newest_checkpoint(output_dir) is None:
        raise QGenError(
            f"max_source_length and max_target_length come to {longest} tokens, and the model has "
            f"{model.max_positions} positions"
        )
    _configure(model, tokenizer, examples, settings)
    if settings.max_examples and settings.max_examples < len(examples):
        examples = random.Random(settings.seed).sample(list(examples), settings.max_examples)
    limits = (
        settings.max_source_length,
        settings.max_target_length,
        model.config.answer_marker_ids or (),
    )
    controls = model.config.controls
    dataset = Seq2SeqExamples(examples, tokenizer, *limits, settings.crop_share, controls)
    if dataset.skipped:
        _log.warning(
            "left out %d of %d examples, whose answers do not fit into %d source tokens",
            dataset.skipped,
            len(examples),
            settings.max_source_length,
        )
    if not len(dataset):
        raise QGenError("no training example's answer fits into the source")
    dev_examples = dev_examples[: settings.max_dev_examples]
    if unknown := {name for each in dev_examples for name in each.controls} - set(controls or ()):
        raise QGenError(f"a dev example has the control {min(unknown)!r}, and no training example")
    dev = Seq2SeqExamples(dev_examples, tokenizer, *limits, control_ids=controls)
    move_to(model, None)  # the trainer would, after what comes before it
    if settings.head_warmup_steps and newest_checkpoint(output_dir) is None:
        warm_up_lm_head(model, dataset, settings.head_warmup_steps)
    if settings.objective == "minimum-risk":
        dtype = torch.bfloat16 if uses_bf16(settings) else torch.float32
        for name, part in (("train", dataset), ("dev", dev)):
            # Named by what they are of: a run goes on with another dev file, too.
            path = output_dir / f"n-best-{name}-{checksum(part.items):08x}.jsonl"
            add_hypotheses(part.items, model, tokenizer, path, dtype)
    if settings.shortlist_min_count:
        counts = Counter(token for item in dataset.items for token in item["labels"])
        known = model.shortlist.tolist() if model.config.shortlist_size else []
        frequent = [token for token, n in counts.items() if n >= settings.shortlist_min_count]
        model.set_shortlist([*known, *frequent])
    objective = make_objective(tokenizer, settings)
    return fit(model, tokenizer, objective, dataset, dev, output_dir, settings)


def _configure(
    model: UniLMForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    settings: TrainingSettings,
) -> None:
    """Give the model the lengths, the tokens and the copy gate of the settings and examples."""
    config, names = model.config, {name for example in examples for name in example.controls}
    config.max_source_length = settings.max_source_length
    config.max_target_length = settings.max_target_length
    if settings.mark_answers:
        config.answer_marker_ids = _marker_ids(tokenizer)
    config.controls = add_controls(config.controls or {}, names, tokenizer) or None
    if settings.copy_size and not config.copy_size:
        model.add_copy_gate(settings.copy_size)


def make_objective(tokenizer: PreTrainedTokenizerBase, settings: TrainingSettings) -> Objective:
    """The objective that the settings name."""
    smoothing = settings.label_smoothing
    if settings.objective == "masked":
        return MaskedObjective(tokenizer, settings.mask_probability, smoothing)
    if settings.objective == "pseudo-masked":
        return PseudoMaskedObjective(
            tokenizer,
            smoothing,
            settings.consistency_weight,
            settings.hidden_share,
            _teacher(settings.teacher, tokenizer) if settings.teacher else None,
            settings.teacher_weight,
        )
    return MinimumRiskObjective(tokenizer, settings.likelihood_weight, smoothing)


def _teacher(name: str, tokenizer: PreTrainedTokenizerBase) -> UniLM | Ensemble:
    """A generator to learn from.

    Raises:
        QGenError: it cannot be loaded, or has another vocabulary.
    """
    model, own = load_generator(name)
    if own.get_vocab() != tokenizer.get_vocab():
        raise QGenError(f"the teacher {name} has another vocabulary")
    move_to(model, None)
    return model.requires_grad_(False)
