"""Fine-tuning on ``transformers.Trainer``: AdamW, and a learning rate that warms up, stays and
decays."""

from __future__ import annotations

import json
import logging
import math
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from qgen.errors import QGenError
from qgen.files.rows import read_requests
from qgen.model.layouts import seq2seq_layout
from qgen.model.runtime.backends.bfloat16 import bfloat16_is_native
from qgen.model.sources import AnswerTooLongError, crop_source, pack_source, pack_target, pad
from qgen.records import Example
from qgen.settings import OptimizationSettings, TrainingSettings
from qgen.training.objectives import (
    Item,
    MaskedObjective,
    Objective,
    PseudoMaskedObjective,
    drawn_by_torch,
)
from qgen.training.risk import MinimumRiskObjective, add_hypotheses
from qgen.transformers import UniLMForConditionalGeneration

_log = logging.getLogger(__name__)

ANSWER_MARKERS = ("[unused0]", "[unused1]")
"""The tokens of BERT's vocabulary that enclose the answer in the passage."""

CONTROL_TOKEN = "[unused{}]"
"""Those that say in which style or of which kind to ask, numbered on from the markers."""


def read_examples(path: str | Path) -> list[Example]:
    """Training examples of a file: rows as ``qgen batch`` reads them, with a ``question`` and,
    optionally, a list of ``controls``.

    Raises:
        QGenError: the file cannot be read, or a row of it is not such an example.
    """
    examples = []
    for line, request in read_requests(path):
        question = request.extra.get("question")
        if not isinstance(question, str) or not question.strip():
            raise QGenError(f"{path}, line {line}: no question")
        identifier, controls = str(request.extra.get("id", "")), request.extra.get("controls", [])
        if not isinstance(controls, list) or not all(isinstance(name, str) for name in controls):
            raise QGenError(f'{path}, line {line}: "controls" must be a list of names')
        examples += [
            Example(request.passage, answer, question, identifier, controls=tuple(controls))
            for answer in request.answers or (None,)
        ]
    return examples


def _uses_bf16(settings: OptimizationSettings) -> bool:
    if settings.bf16 is None:
        return bfloat16_is_native("cuda" if torch.cuda.is_available() else "cpu")
    return settings.bf16


class ItemDataset(torch.utils.data.Dataset):
    """Examples as an objective collates them."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]


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


class _ObjectiveTrainer(Trainer):
    def __init__(self, *, objective: Objective, **kwargs):
        super().__init__(data_collator=objective.collate, **kwargs)
        self.objective: Objective = objective
        # An objective's loss is a mean: over accumulated passes, the mean of these is wanted.
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset=None):
        dataset: Any = train_dataset or self.train_dataset
        return LengthGroupedSampler(
            self.args.train_batch_size,
            lengths=[self.objective.length(item) for item in dataset.items],
        )

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        # Of the model's methods ``Trainer`` runs ``forward`` alone in mixed precision; objectives
        # call others too.
        with self.accelerator.autocast():
            loss = self.objective.loss(model, inputs)
        return (loss, {"loss": loss}) if return_outputs else loss


class _JsonlLog(TrainerCallback):
    """One JSON object per log event in ``log.jsonl``."""

    def __init__(self, path: Path):
        self.path = path

    def on_log(self, args, state, control, logs=None, **kwargs):
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": state.global_step, **(logs or {})}) + "\n")


def newest_checkpoint(directory: Path) -> Path | None:
    """The newest checkpoint in a run's directory whose writing was finished.

    ``Trainer`` writes ``trainer_state.json`` last, so a kill during a save leaves none, or only the
    beginning of one.
    """
    return max(filter(_is_complete, directory.glob("checkpoint-*")), key=_step, default=None)


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1])


def _delete_unfinished_checkpoints(directory: Path) -> None:
    newest = newest_checkpoint(directory)
    for path in directory.glob("checkpoint-*"):
        if newest is None or _step(path) > _step(newest):
            shutil.rmtree(path)


_HARMLESS = {"save_steps", "logging_steps", "max_dev_examples"}


def prepare_run(output_dir: str | Path, settings: OptimizationSettings, examples: int) -> Path:
    """Seed a run and note its settings, or refuse to go on with others.

    Raises:
        QGenError: there are no examples, or the directory holds a run with other settings or
            another number of examples.
    """
    if not examples:
        raise QGenError("there are no training examples")
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    set_seed(settings.seed)
    path = output_dir / "settings.json"
    now = {**asdict(settings), "examples": examples}
    if newest_checkpoint(output_dir) is not None and path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        differ = [
            f"{name} {before.get(name)!r}, now {value!r}"
            for name, value in now.items()
            if name not in _HARMLESS and before.get(name) != value
        ]
        if differ:
            raise QGenError(
                f"{output_dir} holds a run with other settings: {'; '.join(differ)}; "
                "give these, or another --out"
            )
    path.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    return output_dir


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


def _decay_steps(settings: OptimizationSettings, examples: int) -> int:
    """Steps in which the learning rate falls: after the warm-up, whatever share they are."""
    per_step = settings.batch_size * settings.gradient_accumulation_steps
    steps = math.ceil(examples / per_step) * settings.epochs
    return int(steps * min(settings.decay_ratio, 1 - settings.warmup_ratio))


def _set_dropout(model: PreTrainedModel, hidden: float, attention: float) -> None:
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = attention if name.endswith("attention.self.dropout") else hidden


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
        QGenError: there are no examples, no answer fits the source, the vocabulary lacks the answer
            markers, or ``output_dir`` holds a run with other settings.
    """
    settings = settings or TrainingSettings()
    output_dir = prepare_run(output_dir, settings, len(examples))
    model.config.max_source_length = settings.max_source_length
    model.config.max_target_length = settings.max_target_length
    if settings.mark_answers:
        model.config.answer_marker_ids = _marker_ids(tokenizer)
    config, names = model.config, {name for example in examples for name in example.controls}
    config.controls = add_controls(config.controls or {}, names, tokenizer) or None
    if settings.copy_size and not model.config.copy_size:
        model.add_copy_gate(settings.copy_size)
    if settings.max_examples and settings.max_examples < len(examples):
        examples = random.Random(settings.seed).sample(list(examples), settings.max_examples)
    limits = (
        settings.max_source_length,
        settings.max_target_length,
        model.config.answer_marker_ids or (),
    )
    controls = config.controls
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
    dev = Seq2SeqExamples(dev_examples, tokenizer, *limits, control_ids=controls)
    if settings.head_warmup_steps and newest_checkpoint(output_dir) is None:
        warm_up_lm_head(model, dataset, settings.head_warmup_steps)
    if settings.objective == "minimum-risk":
        dtype = torch.bfloat16 if _uses_bf16(settings) else torch.float32
        for name, part in (("train", dataset), ("dev", dev)):
            path = output_dir / f"n-best-{name}.jsonl"
            add_hypotheses(part.items, model, tokenizer, path, dtype)
    if settings.shortlist_min_count:
        counts = Counter(token for item in dataset.items for token in item["labels"])
        known = model.shortlist.tolist() if model.config.shortlist_size else []
        frequent = [token for token, n in counts.items() if n >= settings.shortlist_min_count]
        model.set_shortlist([*known, *frequent])
    objective = make_objective(tokenizer, settings)
    return fit(model, tokenizer, objective, dataset, dev, output_dir, settings)


def make_objective(tokenizer: PreTrainedTokenizerBase, settings: TrainingSettings) -> Objective:
    """The objective that the settings name."""
    smoothing = settings.label_smoothing
    if settings.objective == "masked":
        return MaskedObjective(tokenizer, settings.mask_probability, smoothing)
    if settings.objective == "pseudo-masked":
        return PseudoMaskedObjective(
            tokenizer, smoothing, settings.consistency_weight, settings.hidden_share
        )
    return MinimumRiskObjective(tokenizer, settings.likelihood_weight, smoothing)


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    objective: Objective,
    dataset: ItemDataset,
    dev: ItemDataset,
    output_dir: Path,
    settings: OptimizationSettings,
) -> Path:
    """Optimize a model, or go on from the newest checkpoint of ``output_dir``.

    Args:
        model: the starting point.
        tokenizer: saved with every checkpoint.
        objective: what to minimise.
        dataset: training items.
        dev: items whose loss is logged every epoch; may be empty.
        output_dir: of checkpoints, ``log.jsonl`` and ``final``.
        settings: how.

    Returns:
        The directory of the finished model.
    """
    model.set_attn_implementation(settings.attn_implementation)
    _set_dropout(model, settings.hidden_dropout, settings.attention_dropout)
    _delete_unfinished_checkpoints(output_dir)
    checkpoint = newest_checkpoint(output_dir)
    trainer = _ObjectiveTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(output_dir),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            per_device_eval_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="warmup_stable_decay",
            lr_scheduler_kwargs={
                "decay_type": "linear",
                "num_decay_steps": _decay_steps(settings, len(dataset)),
            },
            warmup_steps=settings.warmup_ratio,
            adam_beta2=0.99,
            weight_decay=settings.weight_decay,
            use_cpu=not torch.cuda.is_available(),
            bf16=_uses_bf16(settings),
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            save_steps=settings.save_steps,
            save_total_limit=2,
            logging_steps=settings.logging_steps,
            eval_strategy="epoch" if len(dev) else "no",
            prediction_loss_only=True,
            label_names=list(objective.label_names),
            remove_unused_columns=False,
            report_to="none",
            disable_tqdm=False,
            seed=settings.seed,
        ),
        train_dataset=dataset,
        eval_dataset=dev if len(dev) else None,
        processing_class=tokenizer,  # saved with every checkpoint
        callbacks=[_JsonlLog(output_dir / "log.jsonl")],
        objective=objective,
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    final = output_dir / "final"
    model.save_pretrained(final)
    tokenizer.save_pretrained(final)
    return final
