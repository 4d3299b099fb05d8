"""The reader that ships, in four steps after its teacher, which ``qgen train-reader`` makes.

    python -m recipes.reader judge --teacher TEACHER --judged FILE... --rate FILE --out RATED.jsonl
    python -m recipes.reader prune --teacher TEACHER --train FILE... --out PRUNED
    python -m recipes.reader distill --teacher TEACHER --student PRUNED --train FILE... \\
        --judged FILE... --out DISTILLED
    python -m recipes.reader distill --teacher TEACHER --student DISTILLED --train FILE... \\
        --judged FILE... --rounded --out ROUNDED
    python -m recipes.reader pack --student ROUNDED --out READER

``FILE``s hold rows as ``qgen batch`` reads them: those to read with a ``question``, those to judge
with a ``question`` and a ``judgement`` ("good", "usable" or "wrong") or a probability ``right``,
which ``judge`` gives to those of ``--rate``: a copy of the teacher that has learnt to judge.
The same commands run on a GPU and on a CPU.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, get_linear_schedule_with_warmup

from qgen.errors import QGenError, exit_code
from qgen.files.examples import read_examples
from qgen.files.rows import read_requests
from qgen.model.runtime.packed import save_packed
from qgen.records import Answer
from qgen.training.distill import (
    JUDGING_WEIGHT,
    Judged,
    JudgingReader,
    judge,
    judged_batch,
    judged_items,
    judging_loss,
    reading_loss,
)
from qgen.training.prune import prune
from qgen.training.reader import ReaderExamples, SpanObjective
from qgen.training.rounded import rounded_weights
from qgen.transformers import load_reader


def main(argv: Sequence[str] | None = None) -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    steps = parser.add_subparsers(required=True, metavar="step")
    judged = steps.add_parser("judge", help="how probable it is that questions are right")
    judged.set_defaults(run=_judge)
    judged.add_argument("--rate", required=True, metavar="FILE", help="questions nobody judged")
    judged.add_argument("--epochs", type=float, default=5.0)
    judged.add_argument("--learning-rate", type=float, default=3e-5)
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
    judged.add_argument("--judged", nargs="+", required=True, metavar="FILE")
    for step in (cut, learn):
        step.add_argument("--train", nargs="+", required=True, metavar="FILE")
    for step in (judged, cut, learn):
        step.add_argument("--teacher", required=True, metavar="DIR")
        step.add_argument("--batch-size", type=int, default=32)
        step.add_argument("--seed", type=int, default=42)
    small = steps.add_parser("pack", help="4 and 8 bits a weight")
    small.set_defaults(run=_pack)
    small.add_argument("--student", required=True, metavar="DIR")
    for step in (judged, cut, learn, small):
        step.add_argument("--out", required=True, metavar="FILE" if step is judged else "DIR")
    args = parser.parse_args(argv)
    args.run(args)


def _judge(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    reader: Any
    reader, tokenizer = load_reader(args.teacher)
    model = JudgingReader(reader.to(_device()))
    judged = judged_items([row for path in args.judged for row in _judged(path)], tokenizer)
    rated = list(_asked(args.rate))
    items = judged_items([(*asked, 0.0) for _, _, asked in rated], tokenizer)
    batches = (judged_batch(each, tokenizer) for each in _forever(judged, args.batch_size))
    losses = (judging_loss(model, _moved(batch)) for batch in batches)
    _learn(model, losses, math.ceil(args.epochs * len(judged) / args.batch_size), args)
    model.eval()
    with torch.inference_mode(), open(args.out, "w", encoding="utf-8") as file:
        for (_, extra, (passage, question, answer)), item in zip(rated, items, strict=True):
            right = judge(model, _moved(judged_batch([item], tokenizer))).sigmoid().item()
            place = {"passage": passage, "answer": answer.text, "answer_start": answer.start}
            row = extra | place | {"question": question, "right": round(right, 4)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


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
    teacher.to(device).eval().requires_grad_(False)
    spans = SpanObjective(tokenizer, 0.1, 0.3)
    model = JudgingReader(student.to(device))
    reading = _examples(args.train, tokenizer).items
    judging = judged_items([row for path in args.judged for row in _judged(path)], tokenizer)
    to_read, to_judge = (_forever(items, args.batch_size) for items in (reading, judging))

    def losses() -> Iterator[Tensor]:
        for batch in map(spans.collate, to_read):
            loss = reading_loss(model, teacher, _moved(batch))
            if judging:
                asked = judged_batch(next(to_judge), tokenizer)
                loss = loss + JUDGING_WEIGHT * judging_loss(model, _moved(asked))
            yield loss

    with rounded_weights(student) if args.rounded else nullcontext():
        _learn(model, losses(), math.ceil(args.epochs * len(reading) / args.batch_size), args)
    student.eval().save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


def _learn(
    model: nn.Module, losses: Iterator[Tensor], steps: int, args: argparse.Namespace
) -> None:
    """So many steps, each on the next loss, which is computed when it is asked for."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 20, steps)
    model.train()
    for step, loss in enumerate(islice(losses, steps)):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.3f}", file=sys.stderr)


def _pack(args: argparse.Namespace) -> None:
    save_packed(*load_reader(args.student), args.out)


def _examples(paths: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> ReaderExamples:
    dataset = ReaderExamples([e for path in paths for e in read_examples(path)], tokenizer)
    if not len(dataset):
        raise QGenError("no training example has an answer that fits")
    return dataset


def _asked(path: str | Path) -> Iterator[tuple[int, dict, tuple[str, str, Answer]]]:
    """The lines of a file, what else they say, and passages, each with a question and its
    answer."""
    for line, request in read_requests(path):
        question = request.extra.get("question")
        if not request.answers or not question:
            raise QGenError(f"{path}, line {line}: no answer or question")
        yield line, dict(request.extra), (request.passage, question, request.answers[0])


def _judged(path: str | Path) -> Iterator[Judged]:
    for line, row, asked in _asked(path):
        if not {"right", "judgement"} & set(row):
            raise QGenError(f"{path}, line {line}: no judgement")
        yield *asked, float(row.get("right", row.get("judgement") != "wrong"))


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
