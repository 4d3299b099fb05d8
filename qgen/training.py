"""UniLM fine-tuning on ``transformers.Trainer``.

70 % of the target tokens, the closing ``[SEP]`` among them, are masked and predicted (Dong et al.
2019, arXiv:1905.03197, section 2.4), with label smoothing, AdamW, and linear warm-up and decay.
"""

from __future__ import annotations

import json
import shutil
import sys
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
from transformers.trainer_pt_utils import LengthGroupedSampler

from qgen.errors import QGenError
from qgen.masks import source_layout
from qgen.modeling import IGNORE_INDEX, UniLMForConditionalGeneration
from qgen.packing import AnswerTooLongError, locate_answer, pack_source, pad
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
    """Examples as token ids: ``{"input_ids": source, "labels": target}``.

    Examples whose answer does not fit into the source are left out; ``skipped`` counts them.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        max_source_length: int = 464,
        max_target_length: int = 48,
    ):
        self.items = []
        self.skipped = 0
        for example in examples:
            try:
                source = pack_source(tokenizer, example, max_source_length)
            except AnswerTooLongError:
                self.skipped += 1
                continue
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
            **_source_batch(items, tokenizer),
            "decoder_input_ids": decoder_input_ids,
            "labels": target.masked_fill(~chosen, IGNORE_INDEX),
        }


class PseudoMaskedCollator:
    """Batches whose ``decoder_input_ids`` and ``labels`` are both the true target."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self.tokenizer = tokenizer

    def __call__(self, items: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Tensors ``[batch, longest source]`` and ``[batch, longest target]`` of dataset items."""
        targets = [item["labels"] for item in items]
        return {
            **_source_batch(items, self.tokenizer),
            "decoder_input_ids": pad(targets, self.tokenizer.pad_token_id),
            "labels": pad(targets, IGNORE_INDEX),
        }


def _source_batch(
    items: Sequence[dict], tokenizer: PreTrainedTokenizerBase
) -> dict[str, torch.Tensor]:
    sources = [item["input_ids"] for item in items]
    return {
        "input_ids": pad(sources, tokenizer.pad_token_id),
        "attention_mask": pad([[1] * len(source) for source in sources], 0),
    }


class _Seq2SeqTrainer(Trainer):
    def __init__(self, *args, settings: TrainingSettings, **kwargs):
        super().__init__(*args, **kwargs)
        self.settings = settings

    def _get_train_sampler(self, train_dataset=None):
        dataset = train_dataset or self.train_dataset
        copies = 2 if self.settings.objective == "pseudo-masked" else 1
        return LengthGroupedSampler(
            self.args.train_batch_size,
            lengths=[len(i["input_ids"]) + copies * len(i["labels"]) for i in dataset.items],
        )

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        smoothing = self.settings.label_smoothing if model.training else 0.0
        pseudo_masked = self.settings.objective == "pseudo-masked"
        output = model(**inputs, label_smoothing=smoothing, pseudo_masked=pseudo_masked)
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
    head, device = model.get_output_embeddings(), model.device
    tokens = torch.tensor([token for item in dataset for token in item["labels"]])
    counts = torch.bincount(tokens, minlength=head.out_features) + 0.1
    with torch.no_grad():
        head.bias.copy_((counts / counts.sum()).log())
    tied = model.get_input_embeddings().weight
    parameters = [p for p in model.lm_head_module.parameters() if p is not tied]
    tied.requires_grad_(False)
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    model.eval()
    for _ in range(steps):
        rows = torch.randint(len(dataset), (batch_size,)).tolist()
        ids = pad([dataset[row]["input_ids"] for row in rows], model.config.pad_token_id).to(device)
        real = ids.ne(model.config.pad_token_id)
        with torch.no_grad():
            hidden = model.encode(ids, *source_layout(real))[real]
        chosen = torch.randperm(len(hidden), device=device)[:tokens_per_step]
        logits = model.lm_head(hidden[chosen])
        loss = torch.nn.functional.cross_entropy(logits, ids[real][chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tied.requires_grad_(True)


def _set_dropout(model: UniLMForConditionalGeneration, hidden: float, attention: float) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = hidden
    for layer in model.mlm.base_model.encoder.layer:
        layer.attention.self.dropout.p = attention


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
        QGenError: there are no examples, one of them is unusable, or no answer fits the source.
    """
    settings = settings or TrainingSettings()
    if not examples:
        raise QGenError("there are no training examples")
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    model.config.max_source_length = settings.max_source_length
    model.config.max_target_length = settings.max_target_length
    model.set_attn_implementation(settings.attn_implementation)
    _set_dropout(model, settings.hidden_dropout, settings.attention_dropout)
    limits = (settings.max_source_length, settings.max_target_length)
    if settings.objective == "pseudo-masked":
        collator = PseudoMaskedCollator(tokenizer)
    else:
        collator = MaskedTargetCollator(tokenizer, settings.mask_probability)
    dataset = Seq2SeqExamples(examples, tokenizer, *limits)
    if dataset.skipped:
        print(
            f"left out {dataset.skipped} of {len(examples)} examples, whose answers do not fit "
            f"into {settings.max_source_length} source tokens",
            file=sys.stderr,
        )
    if not len(dataset):
        raise QGenError("no training example's answer fits into the source")
    dev = Seq2SeqExamples(dev_examples[: settings.max_dev_examples], tokenizer, *limits)
    set_seed(settings.seed)
    checkpoint = last_complete_checkpoint(output_dir)
    if settings.head_warmup_steps and checkpoint is None:
        warm_up_lm_head(model, dataset, settings.head_warmup_steps)
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
            use_cpu=not torch.cuda.is_available(),
            bf16=bf16_is_fast() if settings.bf16 is None else settings.bf16,
            save_steps=settings.save_steps,
            save_total_limit=2,
            logging_steps=settings.logging_steps,
            eval_strategy="epoch" if len(dev) else "no",
            prediction_loss_only=True,
            label_names=["labels"],
            remove_unused_columns=False,
            report_to="none",
            disable_tqdm=False,
            seed=settings.seed,
        ),
        train_dataset=dataset,
        eval_dataset=dev if len(dev) else None,
        data_collator=collator,
        processing_class=tokenizer,  # saved with every checkpoint
        callbacks=[_JsonlLog(output_dir / "log.jsonl")],
        settings=settings,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    final = output_dir / "final"
    trainer.model.save_pretrained(final)
    tokenizer.save_pretrained(final)
    return final
