"""Fine-tuning on ``transformers.Trainer``: AdamW, and a learning rate that warms up, stays and
decays."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from qgen.errors import QGenError
from qgen.model.runtime.backends.bfloat16 import bfloat16_is_native
from qgen.model.runtime.packed import BITS
from qgen.records import Example
from qgen.settings import OptimizationSettings
from qgen.training.objectives import Item, Objective
from qgen.training.rounded import rounded_weights


def uses_bf16(settings: OptimizationSettings) -> bool:
    """Whether the arithmetic is in bfloat16: as the settings say, or where it is native."""
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


class _EpochSampler(LengthGroupedSampler):
    """Of another order in every epoch, which the seed gives: a run that goes on within an epoch
    skips what it has seen of it."""

    def __init__(self, *args: Any, seed: int, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.seed = seed

    def set_epoch(self, epoch: int) -> None:
        """As accelerate's loader calls it, when an epoch begins."""
        self.generator = torch.Generator().manual_seed(self.seed + epoch)


class _OneDevice(TrainingArguments):
    """On a machine with several GPUs, one: ``Trainer`` would wrap the model, whose methods the
    objectives call, and make batches and steps other ones than the settings say."""

    @property
    def n_gpu(self) -> int:
        """How many are used."""
        return min(1, super().n_gpu)


class _ObjectiveTrainer(Trainer):
    def __init__(self, *, objective: Objective, rounded_bits: str = "none", **kwargs):
        super().__init__(data_collator=objective.collate, **kwargs)
        self.objective: Objective = objective
        self.rounded_bits = rounded_bits
        # An objective's loss is a mean: over accumulated passes, the mean of these is wanted.
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset=None):
        dataset: Any = train_dataset or self.train_dataset
        return _EpochSampler(
            self.args.train_batch_size,
            lengths=[self.objective.length(item) for item in dataset.items],
            seed=self.args.seed,
        )

    def _weights(self, model) -> AbstractContextManager[None]:
        bits = self.rounded_bits
        return nullcontext() if bits == "none" else rounded_weights(model, BITS[bits])

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        # Of the model's methods ``Trainer`` runs ``forward`` alone in mixed precision; objectives
        # call others too.
        with self.accelerator.autocast(), self._weights(model):
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
    return max(filter(_is_complete, _checkpoints(directory)), key=_step, default=None)


def _checkpoints(directory: Path) -> list[Path]:
    """Those that ``Trainer`` wrote, and nothing else whose name begins as theirs does."""
    return [
        path for path in directory.glob("checkpoint-*") if path.name.split("-", 1)[1].isdecimal()
    ]


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
    for path in _checkpoints(directory):
        if newest is None or _step(path) > _step(newest):
            shutil.rmtree(path)


_HARMLESS = {"save_steps", "logging_steps", "max_dev_examples"}


def prepare_run(
    output_dir: str | Path,
    settings: OptimizationSettings,
    examples: Sequence[Example],
    start: str | None = None,
) -> Path:
    """Seed a run and note its settings, or refuse to go on with others.

    Args:
        output_dir: made where it does not exist.
        settings: how to train.
        examples: what to train on.
        start: name of the model that it starts from, if it has one.

    Raises:
        QGenError: there are no examples, the directory holds a run with other settings, from
            another model or on other examples, or this is one of several processes.
    """
    if not examples:
        raise QGenError("there are no training examples")
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:  # each would write to the directory
        raise QGenError("training runs in one process, on one device: start it without torchrun")
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    set_seed(settings.seed)
    path = output_dir / "settings.json"
    now = {
        **asdict(settings),
        "model": start or "",
        "examples": len(examples),
        "CRC-32 of the examples": checksum(examples),
    }
    begun = newest_checkpoint(output_dir) or next(output_dir.glob("n-best-*"), None)
    if begun and path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        differ = [
            f"{name} {before[name]!r}, now {value!r}"
            for name, value in now.items()
            # What an earlier version did not note down cannot be compared.
            if name not in _HARMLESS and before.get(name, value) != value
        ]
        if differ:
            raise QGenError(
                f"{output_dir} holds a run with other settings: {'; '.join(differ)}; "
                "give these, or another --out"
            )
    path.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    return output_dir


def checksum(rows: Iterable[object]) -> int:
    """By which rows are known again: CRC-32."""
    return reduce(lambda crc, row: crc32(repr(row).encode(), crc), rows, 0)


def _decay_steps(settings: OptimizationSettings, examples: int) -> int:
    """Steps in which the learning rate falls: after the warm-up, whatever share they are."""
    per_step = settings.batch_size * settings.gradient_accumulation_steps
    steps = math.ceil(examples / per_step) * settings.epochs
    return int(steps * min(settings.decay_ratio, 1 - settings.warmup_ratio))


def _set_dropout(model: PreTrainedModel, hidden: float, attention: float) -> None:
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            of_weights = name.endswith(("attention.self.dropout", "attention.attn.dropout"))
            module.p = attention if of_weights else hidden


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
        args=_OneDevice(
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
            bf16=uses_bf16(settings),
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            save_steps=settings.save_steps,
            save_total_limit=2,
            logging_steps=settings.logging_steps,
            eval_strategy="epoch" if len(dev) else "no",
            prediction_loss_only=True,
            label_names=list(objective.label_names),
            remove_unused_columns=False,
            report_to="none",
            disable_tqdm=not sys.stderr.isatty(),  # a log has log.jsonl
            seed=settings.seed,
        ),
        train_dataset=dataset,
        eval_dataset=dev if len(dev) else None,
        processing_class=tokenizer,  # saved with every checkpoint
        callbacks=[_JsonlLog(output_dir / "log.jsonl")],
        objective=objective,
        rounded_bits=settings.rounded_bits,
    )
    trainer.remove_callback(PrinterCallback)  # prints the losses where there is no bar
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    final = output_dir / "final"
    model.save_pretrained(final)
    tokenizer.save_pretrained(final)
    return final
