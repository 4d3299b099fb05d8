"""The reader that ships, in three steps after its teacher, which ``qgen train-reader`` makes.

    python -m recipes.reader prune --teacher TEACHER --train FILE... --out PRUNED
    python -m recipes.reader distill --teacher TEACHER --student PRUNED --train FILE... \\
        --judged FILE... --out DISTILLED
    python -m recipes.reader distill --teacher TEACHER --student DISTILLED --train FILE... \\
        --judged FILE... --rounded --out ROUNDED
    python -m recipes.reader pack --student ROUNDED --out READER

``FILE``s hold rows as ``qgen batch`` reads them: those to read with a ``question``, those to judge
with a ``question`` and a ``judgement`` ("good", "usable" or "wrong") or a probability ``right``.
The same commands run on a GPU and on a CPU.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, get_linear_schedule_with_warmup

from qgen.errors import QGenError, exit_code
from qgen.files.rows import read_requests
from qgen.model.runtime.packed import save_packed
from qgen.training.distill import (
    DistilledObjective,
    Judged,
    JudgingReader,
    judged_batch,
    judged_items,
)
from qgen.training.generator import read_examples
from qgen.training.prune import prune
from qgen.training.reader import ReaderExamples, SpanObjective
from qgen.training.rounded import rounded_weights
from qgen.transformers import load_reader


def main(argv: Sequence[str] | None = None) -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    steps = parser.add_subparsers(required=True, metavar="step")
    cut = steps.add_parser("prune", help="the teacher's first layers and best neurons")
    cut.set_defaults(run=_prune)
    cut.add_argument("--layers", type=int, default=10)
    cut.add_argument("--neurons", type=int, default=960)
    learn = steps.add_parser("distill", help="the teacher's distributions, and judgements")
    learn.set_defaults(run=_distill)
    learn.add_argument("--student", required=True, metavar="DIR")
    learn.add_argument("--judged", nargs="*", default=[], metavar="FILE")
    learn.add_argument("--rounded", action="store_true", help="with weights as packing rounds them")
    learn.add_argument("--epochs", type=float, default=4.0)
    learn.add_argument("--learning-rate", type=float, default=1.2e-4)
    for step in (cut, learn):
        step.add_argument("--teacher", required=True, metavar="DIR")
        step.add_argument("--train", nargs="+", required=True, metavar="FILE")
        step.add_argument("--batch-size", type=int, default=32)
        step.add_argument("--seed", type=int, default=42)
    small = steps.add_parser("pack", help="4 and 8 bits a weight")
    small.set_defaults(run=_pack)
    small.add_argument("--student", required=True, metavar="DIR")
    for step in (cut, learn, small):
        step.add_argument("--out", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    args.run(args)


def _prune(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    model: Any
    model, tokenizer = load_reader(args.teacher)
    model.to(_device())
    objective = SpanObjective(tokenizer)
    items = _examples(args.train, tokenizer).items
    batches = map(objective.collate, _batches(items, args.batch_size))
    prune(model, args.layers, args.neurons, map(_moved, batches), objective.loss)
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


def _distill(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    device = _device()
    teacher: Any
    student: Any
    teacher, _ = load_reader(args.teacher)
    student, tokenizer = load_reader(args.student)
    objective = DistilledObjective(SpanObjective(tokenizer, 0.1, 0.3), teacher.to(device))
    model = JudgingReader(student.to(device))
    reading = _examples(args.train, tokenizer).items
    judging = judged_items([row for path in args.judged for row in _judged(path)], tokenizer)
    steps = math.ceil(args.epochs * len(reading) / args.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 20, steps)
    to_read, to_judge = (_forever(items, args.batch_size) for items in (reading, judging))
    model.train()
    with rounded_weights(student) if args.rounded else nullcontext():
        for step in range(steps):
            loss = objective.reading_loss(model, _moved(objective.spans.collate(next(to_read))))
            if judging:
                batch = judged_batch(next(to_judge), tokenizer)
                loss = loss + objective.judging_loss(model, _moved(batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % 50 == 0:
                print(f"step {step} of {steps}: loss {loss.item():.3f}", file=sys.stderr)
    student.eval().save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


def _pack(args: argparse.Namespace) -> None:
    save_packed(*load_reader(args.student), args.out)


def _examples(paths: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> ReaderExamples:
    dataset = ReaderExamples([e for path in paths for e in read_examples(path)], tokenizer)
    if not len(dataset):
        raise QGenError("no training example has an answer that fits")
    return dataset


def _judged(path: str | Path) -> Iterator[Judged]:
    for line, request in read_requests(path):
        row = request.extra
        right = row.get("right", float(row.get("judgement") != "wrong"))
        if not request.answers or not row.get("question") or not {"right", "judgement"} & set(row):
            raise QGenError(f"{path}, line {line}: no answer, question or judgement")
        yield request.passage, row["question"], request.answers[0], float(right)


def _batches(items: Sequence[dict], size: int) -> Iterator[list[dict]]:
    order = torch.randperm(len(items)).tolist()
    for at in range(0, len(order), size):
        yield [items[i] for i in order[at : at + size]]


def _forever(items: Sequence[dict], size: int) -> Iterator[list[dict]]:
    while items:
        yield from _batches(items, size)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _moved(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(_device()) for name, tensor in batch.items()}


if __name__ == "__main__":
    sys.exit(exit_code("recipes.reader", main))
