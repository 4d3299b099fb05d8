"""UniLM fine-tuning on ``transformers.Trainer``.

70 % of the target tokens, the closing ``[SEP]`` among them, are masked and predicted (Dong et al.
2019, arXiv:1905.03197, section 2.4), with label smoothing, AdamW, and linear warm-up and decay.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import (
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from qgen.errors import QGenError
from qgen.modeling import IGNORE_INDEX, UniLMForConditionalGeneration
from qgen.packing import locate_answer, pack_source, pad
from qgen.settings import TrainingSettings
from qgen.types import Example


def bf16_is_fast() -> bool:
    """Whether this machine computes matrix products in bfloat16 natively (GPU, or CPU with AMX)."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported()


def read_examples(path: str | Path) -> list[Example]:
    """Training examples of a JSONL file: ``passage``, ``question``, and where known ``answer``,
    ``answer_start`` and ``id``.

    Raises:
        QGenError: the file cannot be read, or a line of it is not such an object.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise QGenError(f"{path} is not UTF-8 text") from error
    examples = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                example = Example(**json.loads(line))
                if not example.question.strip():
                    raise QGenError("no question")
                examples.append(locate_answer(example))
            except (json.JSONDecodeError, TypeError, AttributeError, QGenError) as error:
                raise QGenError(f"{path}, line {number}: {error}") from error
    return examples


class Seq2SeqExamples(torch.utils.data.Dataset):
    """Examples as token ids: ``{"input_ids": source, "labels": target}``."""

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        max_source_length: int = 464,
        max_target_length: int = 48,
    ):
        self.items = []
        for example in examples:
            source = pack_source(tokenizer, example, max_source_length)
            question = tokenizer(example.question, add_special_tokens=False)["input_ids"]
            target = [*question[: max_target_length - 1], tokenizer.sep_token_id]
            self.items.append({"input_ids": source, "labels": target})

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict:
        return self.items[index]


class MaskedTargetCollator:
    """Batches of ``input_ids``, ``attention_mask``, ``decoder_input_ids`` and ``labels``.

    Of each target token chosen with ``mask_probability``, 80 % become ``[MASK]``, 10 % a random
    token and 10 % stay, as in BERT and UniLM; all of them carry loss.  At least one token of
    every target is chosen.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, mask_probability: float = 0.7):
        self.tokenizer = tokenizer
        self.mask_probability = mask_probability

    def __call__(self, items: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Tensors ``[batch, longest source]`` and ``[batch, longest target]`` of dataset items."""
        tokenizer = self.tokenizer
        input_ids = pad([item["input_ids"] for item in items], tokenizer.pad_token_id)
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
            "input_ids": input_ids,
            "attention_mask": pad([[1] * len(item["input_ids"]) for item in items], 0),
            "decoder_input_ids": decoder_input_ids,
            "labels": target.masked_fill(~chosen, IGNORE_INDEX),
        }


class _Seq2SeqTrainer(Trainer):
    label_smoothing = 0.0

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        smoothing = self.label_smoothing if model.training else 0.0
        output = model(**inputs, label_smoothing=smoothing)
        return (output.loss, {"loss": output.loss}) if return_outputs else output.loss


class _JsonlLog(TrainerCallback):
    """One JSON object per log event in ``log.jsonl``."""

    def __init__(self, path: Path):
        self.path = path

    def on_log(self, args, state, control, logs=None, **kwargs):
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": state.global_step, **(logs or {})}) + "\n")


def last_complete_checkpoint(directory: Path) -> Path | None:
    """The newest checkpoint whose writing was finished; half-written ones are deleted.

    ``Trainer`` writes ``trainer_state.json`` last, so a kill during a save leaves none.
    """
    found = sorted(directory.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    for path in reversed(found):
        if (path / "trainer_state.json").is_file():
            return path
        shutil.rmtree(path)
    return None


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
        dev_examples: if any, their loss is logged after every epoch.
        settings: how to train.

    Returns:
        The directory of the finished model.

    Raises:
        QGenError: there are no examples, or one of them is unusable.
    """
    settings = settings or TrainingSettings()
    if not examples:
        raise QGenError("there are no training examples")
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    model.config.max_source_length = settings.max_source_length
    model.config.max_target_length = settings.max_target_length
    for layer in model.mlm.base_model.encoder.layer:
        layer.attention.self.dropout.p = settings.attention_dropout
    limits = (settings.max_source_length, settings.max_target_length)
    trainer = _Seq2SeqTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(output_dir),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            per_device_eval_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=settings.warmup_ratio,
            weight_decay=settings.weight_decay,
            train_sampling_strategy="group_by_length",
            use_cpu=not torch.cuda.is_available(),
            bf16=bf16_is_fast() if settings.bf16 is None else settings.bf16,
            save_steps=settings.save_steps,
            save_total_limit=2,
            logging_steps=settings.logging_steps,
            eval_strategy="epoch" if dev_examples else "no",
            prediction_loss_only=True,
            label_names=["labels"],
            remove_unused_columns=False,
            report_to="none",
            seed=settings.seed,
        ),
        train_dataset=Seq2SeqExamples(examples, tokenizer, *limits),
        eval_dataset=Seq2SeqExamples(dev_examples, tokenizer, *limits) if dev_examples else None,
        data_collator=MaskedTargetCollator(tokenizer, settings.mask_probability),
        callbacks=[_JsonlLog(output_dir / "log.jsonl")],
    )
    trainer.label_smoothing = settings.label_smoothing
    set_seed(settings.seed)
    trainer.train(resume_from_checkpoint=last_complete_checkpoint(output_dir))
    final = output_dir / "final"
    trainer.model.save_pretrained(final)
    tokenizer.save_pretrained(final)
    return final
